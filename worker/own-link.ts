// How large packets the instance's own network takes: 9001 bytes in a VPC, 1500 on old types of instances.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/network_mtu.html
import { runProgram } from '../agent/net/run-program.ts';

interface Link {
  mtu?: number;
}

/** In bytes. Throws an Error when no interface has the address. */
export async function mtuAt(address: string): Promise<number> {
  const shown = await runProgram('ip', ['-j', '-4', 'address', 'show', 'to', `${address}/32`]);
  const mtu = (JSON.parse(shown || '[]') as Link[]).find((link) => link.mtu)?.mtu;
  if (!mtu) throw new Error(`no interface of this machine has the address ${address}`);
  return mtu;
}
