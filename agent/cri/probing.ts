// What the runtime is asked in passing: a command of a probe, and whether it is well.
import { goRpcError } from '../images/images.ts';
import type { RuntimeHealth } from '../runtime.ts';
import type { Cri } from './client.ts';

const maxProbeOutput = 10 * 1024;

/** Output is cut at 10 KiB. Throws when the runtime itself fails. */
export async function execInContainer(
  cri: Cri,
  id: string,
  command: string[],
  timeoutSeconds: number,
): Promise<{ exitCode: number; output: string; timedOut: boolean }> {
  try {
    const result = await cri.execSync(id, command, timeoutSeconds);
    const output = Buffer.concat([result.stdout, result.stderr]).subarray(0, maxProbeOutput).toString('utf8');
    return { exitCode: result.exit_code, output, timedOut: false };
  } catch (error) {
    const text = (error as Error).message;
    if (!/timeout|deadline/i.test(text)) throw error;
    return { exitCode: -1, output: text, timedOut: true };
  }
}

export async function runtimeHealth(cri: Cri): Promise<RuntimeHealth> {
  try {
    const status = await cri.status();
    const wrong = status.status.conditions.find((c) => !c.status);
    if (!wrong) return { ready: true, message: '' };
    const name = wrong.type === 'NetworkReady' ? 'container runtime network not ready' : 'container runtime not ready';
    return { ready: false, message: `${name}: ${wrong.type}=false reason:${wrong.reason} message:${wrong.message}` };
  } catch (error) {
    return { ready: false, message: `container runtime is down: ${goRpcError(error)}` };
  }
}
