// Programs that change the node's network: nft, conntrack, ip, bridge.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { which } from '../containerd/programs.ts';

const execute = promisify(execFile);

/** A table of connections of a busy node. */
const maxListingBytes = 256 * 1024 * 1024;

/** Runs a program to its end and resolves to what it wrote. Rejects with an Error that has no other message than the program's. */
export async function runProgram(program: string, args: readonly string[]): Promise<string> {
  try {
    return (await execute(which(program) ?? program, args, { maxBuffer: maxListingBytes })).stdout;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim();
    throw said ? new Error(said) : error;
  }
}
