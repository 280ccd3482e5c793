// The network of an emulated instance: a namespace with one cable to this machine, one to each instance that is there already, and
// no way to anywhere else. Its interfaces pass nothing but what is from and to its own address, as EC2's do by themselves.
// https://docs.aws.amazon.com/vpc/latest/userguide/work-with-nat-instances.html#EIP_Disable_SrcDestCheck
import { randomBytes } from 'node:crypto';
import { runBatch } from '../../local/network/network.ts';
import { run, runOrFail } from '../../local/run.ts';
import { lockMachine } from '../../local/state/lock.ts';

export interface InstanceNetwork {
  /** Of the namespace, and of the link on this machine. */
  name: string;
  /** This machine's address on the cable. */
  gateway: string;
  /** The instance's. */
  address: string;
  /** Of the VPC. */
  block: string;
  remove(): Promise<void>;
}

const vpc = '10.213.0.0/16';

/** Needs root. The instance's own part of the VPC is one that this machine has no route to; two that begin at once take turns. */
export async function makeInstanceNetwork(others: readonly Neighbour[]): Promise<InstanceNetwork> {
  const unlock = await lockMachine();
  try {
    return await chosenNetwork(others);
  } finally {
    unlock();
  }
}

async function chosenNetwork(others: readonly Neighbour[]): Promise<InstanceNetwork> {
  const { stdout } = await run('ip', ['-4', 'route', 'show', 'table', 'all']);
  const number = Array.from({ length: 250 }, (_, i) => i + 1).find((n) => !stdout.includes(`10.213.${n}.`));
  if (number === undefined) throw new Error(`${vpc} is in use on this machine`);
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
    for (const other of others) await connect({ network: name, address }, other);
    await checkSource(name, address);
  } catch (error) {
    await remove();
    throw error;
  }
  return { name, gateway, address, block: vpc, remove };
}

interface Neighbour {
  /** Name of its namespace. */
  network: string;
  address: string;
}

/** A cable of their own stands for the VPC's router. It goes with either of them. */
async function connect(one: Neighbour, other: Neighbour): Promise<void> {
  const linkTo = ({ address }: Neighbour): string => `to-${address.split('.')[2]}`;
  await runBatch(
    [],
    [`link add ${linkTo(other)} netns ${one.network} type veth peer name ${linkTo(one)} netns ${other.network}`],
  );
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    const link = linkTo(to);
    await runBatch(
      ['-n', from.network],
      [
        `addr add ${from.address}/32 dev ${link}`,
        `link set ${link} up`,
        `route add ${to.address}/32 dev ${link} src ${from.address}`,
      ],
    );
  }
}

async function checkSource(name: string, address: string): Promise<void> {
  const rules = `table ip slipway-vpc {
  chain out {
    type filter hook postrouting priority 300
    oifname { "eth0", "to-*" } ip saddr != ${address} drop
  }
  chain in {
    type filter hook prerouting priority -300
    iifname { "eth0", "to-*" } ip daddr != ${address} drop
  }
}
`;
  await runOrFail('nsenter', [`--net=/run/netns/${name}`, 'nft', rules]);
}
