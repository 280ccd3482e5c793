// exec and attach over WebSocket: channels of `v5.channel.k8s.io` (and v4) on kubectl's side, SPDY streams on the runtime's.
// https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets
import type { WebSocket } from 'ws';
import type { ExecOptions } from '../server-port.ts';
import { dialUpgrade } from './dial-upgrade.ts';
import { SpdyClient, type SpdyStream } from './spdy.ts';

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
type ChannelName = keyof typeof channels;

/** What we offer, best first; only v5 can half-close stdin. */
export const webSocketProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'channel.k8s.io'] as const;
const runtimeProtocol = 'v4.channel.k8s.io';
/** Above this much unsent output the runtime is not read until kubectl catches up. */
const highWaterBytes = 1024 * 1024;

function streamNames(options: Omit<ExecOptions, 'command'>): ChannelName[] {
  return [
    'error',
    ...(options.stdin ? (['stdin'] as const) : []),
    ...(options.stdout ? (['stdout'] as const) : []),
    ...(options.stderr && !options.tty ? (['stderr'] as const) : []),
    ...(options.tty ? (['resize'] as const) : []),
  ];
}

/** The first protocol knows no Status: success is silence, a failure is its message. */
function plainError(chunk: Buffer): Buffer | undefined {
  const status = JSON.parse(chunk.toString()) as { status?: string; message?: string };
  return status.status === 'Success' ? undefined : Buffer.from(status.message ?? '');
}

/** Joins an accepted WebSocket with the runtime's stream at `url` until either ends. The exit status comes on the error channel. */
export async function bridgeRemoteCommand(
  socket: WebSocket,
  url: string,
  options: Omit<ExecOptions, 'command'>,
): Promise<void> {
  // Bytes may come before the runtime's streams are open: they wait in order.
  const early: Buffer[] = [];
  let deliver = (message: Buffer): void => void early.push(message);
  socket.on('message', (message: Buffer) => deliver(message));

  const upgraded = await dialUpgrade(url, {
    connection: 'Upgrade',
    upgrade: 'SPDY/3.1',
    'x-stream-protocol-version': [runtimeProtocol],
  });
  // Whoever asked has gone meanwhile: the command would run on with nobody to end it.
  if (socket.readyState !== socket.OPEN) return void upgraded.socket.destroy();
  const runtime = new SpdyClient(upgraded.socket, upgraded.head, () => socket.close(1000));
  socket.on('close', () => runtime.close());
  socket.on('error', () => runtime.close());

  const knowsStatus = /^v[45]\./.test(socket.protocol);
  const send = (name: ChannelName, sent: Buffer) => {
    const chunk = name === 'error' && !knowsStatus ? plainError(sent) : sent;
    if (chunk === undefined || socket.readyState !== socket.OPEN) return;
    socket.send(Buffer.concat([Buffer.of(channels[name]), chunk]), () => {
      if (socket.bufferedAmount < highWaterBytes) runtime.resume();
    });
    if (socket.bufferedAmount >= highWaterBytes) runtime.pause();
  };

  const opened = new Map<number, SpdyStream>();
  const open = streamNames(options).map(async (name) => {
    const handlers = { onData: (chunk: Buffer) => send(name, chunk), onEnd: () => {} };
    opened.set(channels[name], await runtime.open({ streamType: name }, handlers));
  });
  await Promise.all(open);

  deliver = (message) => {
    const channel = message[0];
    if (channel === channels.close) opened.get(message[1] ?? channels.close)?.end();
    else if (channel === channels.stdin || channel === channels.resize) opened.get(channel)?.write(message.subarray(1));
  };
  for (const message of early) deliver(message);
}
