// What an instance leaves on the machine when it ends, and how it is removed, also when whoever started it was killed.
import { type Guard, guard } from '../guard.ts';

/** $1: process id of the instance; $2: name of its network; $3: its folder. Waits for the instance's end. */
const script = `while kill -0 "$1" 2> /dev/null; do sleep 0.2; done
for pid in $(ip netns pids "$2"); do kill -KILL "$pid"; done
ip link del "$2"
ip netns del "$2"
for hierarchy in /sys/fs/cgroup/*; do find "$hierarchy/slipway/$2" -depth -type d -exec rmdir {} ';'; done
rm -rf --one-file-system "$3"
`;

export interface Remains {
  instance: number;
  network: string;
  folder: string;
}

/** Removes what remains when it is `clear`ed, or this process has ended, as soon as the instance has ended, too. */
export const guardInstance = ({ instance, network, folder }: Remains): Guard =>
  guard(['sh', '-c', script, 'remains', String(instance), network, folder]);
