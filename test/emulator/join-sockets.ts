// Two connections made one: what comes from either goes to the other, and the end of one is the end of both.
import type { Socket } from 'node:net';

export function joinSockets(outer: Socket, inner: Socket): void {
  for (const [one, other] of [
    [outer, inner],
    [inner, outer],
  ] as const) {
    one.setNoDelay(true);
    one.pipe(other);
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
}
