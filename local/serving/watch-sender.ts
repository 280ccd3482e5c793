// A watch onto its socket: each event is framed as an HTTP chunk once for all its watchers, and written without passing
// through the stream and the response object of every one of them.
import type { ServerResponse } from 'node:http';
import type { Outlet } from '../../core/apiserver/outlet.ts';

/** By the event's bytes, which all watchers of one form share. */
const frames = new WeakMap<Uint8Array, Buffer>();

function framed(bytes: Uint8Array): Buffer {
  let frame = frames.get(bytes);
  if (!frame) {
    const head = `${bytes.length.toString(16)}\r\n`;
    frame = Buffer.allocUnsafeSlow(head.length + bytes.length + 2);
    frame.write(head, 'latin1');
    frame.set(bytes, head.length);
    frame.write('\r\n', head.length + bytes.length, 'latin1');
    frames.set(bytes, frame);
  }
  return frame;
}

/** False when this connection cannot take chunks written beside the response (HTTP/1.0, a pipelined request). */
export function sendWatch(outlet: Outlet, to: ServerResponse): boolean {
  to.flushHeaders();
  const { socket } = to;
  if (!socket || !to.chunkedEncoding) return false;
  const onDrain = (): void => outlet.resume();
  socket.on('drain', onDrain);
  to.once('close', () => {
    socket.off('drain', onDrain);
    outlet.cancel();
  });
  outlet.connect({
    write: (bytes) => socket.write(framed(bytes)),
    // Node ends the chunks that it has not seen.
    end: () => void to.end(),
    fail: () => void to.destroy(),
  });
  return true;
}
