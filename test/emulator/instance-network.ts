// The network of an emulated instance: a namespace with one cable to this machine, and no way to anywhere else.
import { randomBytes } from 'node:crypto';
import { runBatch } from '../../local/network/network.ts';
import { run } from '../../local/run.ts';

export interface InstanceNetwork {
  /** Of the namespace, and of the link on this machine. */
  name: string;
  /** This machine's address on the cable. */
  gateway: string;
  /** The instance's. */
  address: string;
  block: string;
  remove(): Promise<void>;
}

/** Needs root. The block is one that this machine has no route to, within 10.213.0.0/16. */
export async function makeInstanceNetwork(): Promise<InstanceNetwork> {
  const { stdout } = await run('ip', ['-4', 'route', 'show', 'table', 'all']);
  const number = Array.from({ length: 250 }, (_, i) => i + 1).find((n) => !stdout.includes(`10.213.${n}.`));
  if (number === undefined) throw new Error('10.213.0.0/16 is in use on this machine');
  const name = `slipwayi${randomBytes(3).toString('hex')}`;
  const [gateway, address] = [`10.213.${number}.1`, `10.213.${number}.2`];
  const remove = async (): Promise<void> => {
    await runBatch(['-force'], [`link del ${name}`, `netns del ${name}`], true);
  };
  try {
    await runBatch(
      [],
      [
        `netns add ${name}`,
        `link add ${name} type veth peer name eth0 netns ${name}`,
        `addr add ${gateway}/24 dev ${name}`,
        `link set ${name} up`,
      ],
    );
    await runBatch(
      ['-n', name],
      ['link set lo up', `addr add ${address}/24 dev eth0`, 'link set eth0 up', 'route replace unreachable default'],
    );
  } catch (error) {
    await remove();
    throw error;
  }
  return { name, gateway, address, block: `10.213.${number}.0/24`, remove };
}
