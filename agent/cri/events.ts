// containerd's own event stream (its API, not CRI): what wakes the agent when a task starts, ends or runs out of memory.
// CRI's GetContainerEvents is not implemented by containerd 1.6.

import { Messages, RpcChannel } from './grpc.ts';

export type TaskEvent =
  | { type: 'start'; containerId: string }
  | { type: 'oom'; containerId: string }
  /** Only of a container's own process, not of an exec's. */
  | { type: 'exit'; containerId: string; exitCode: number; exitedAt: number };

const field = (type: string, id: number, rule?: string) => ({ type, id, ...(rule ? { rule } : {}) });

/** Numbers and names of containerd's events service and task events (containerd api/services/events/v1, api/events). */
const descriptor = {
  nested: {
    containerd: {
      nested: {
        Any: { fields: { type_url: field('string', 1), value: field('bytes', 2) } },
        Timestamp: { fields: { seconds: field('int64', 1), nanos: field('int32', 2) } },
        SubscribeRequest: { fields: { filters: field('string', 1, 'repeated') } },
        Envelope: {
          fields: {
            timestamp: field('Timestamp', 1),
            namespace: field('string', 2),
            topic: field('string', 3),
            event: field('Any', 4),
          },
        },
        TaskExit: {
          fields: {
            container_id: field('string', 1),
            id: field('string', 2),
            pid: field('uint32', 3),
            exit_status: field('uint32', 4),
            exited_at: field('Timestamp', 5),
          },
        },
        TaskStart: { fields: { container_id: field('string', 1), pid: field('uint32', 2) } },
        TaskOOM: { fields: { container_id: field('string', 1) } },
      },
    },
  },
};

interface Timestamp {
  seconds: string;
  nanos: number;
}

interface Envelope {
  topic: string;
  event: { value: Buffer };
}

const messages = new Messages(descriptor);
const decode = (type: string, bytes: Buffer): Record<string, unknown> => messages.decode(`containerd.${type}`, bytes);

function taskEvent(envelope: Envelope): TaskEvent | undefined {
  const bytes = envelope.event.value;
  if (envelope.topic === '/tasks/start') {
    return { type: 'start', containerId: String(decode('TaskStart', bytes)['container_id']) };
  }
  if (envelope.topic === '/tasks/oom') {
    return { type: 'oom', containerId: String(decode('TaskOOM', bytes)['container_id']) };
  }
  const exit = decode('TaskExit', bytes);
  if (exit['id'] !== exit['container_id']) return undefined;
  const at = exit['exited_at'] as Timestamp | null;
  return {
    type: 'exit',
    containerId: String(exit['container_id']),
    exitCode: Number(exit['exit_status']),
    exitedAt: at ? Number(at.seconds) * 1000 + Math.floor(at.nanos / 1e6) : Date.now(),
  };
}

/** What the agent reacts to, in the namespace of containerd's CRI. */
const filters = ['exit', 'oom', 'start'].map((topic) => `topic=="/tasks/${topic}",namespace==k8s.io`);
const reconnectMs = 200;
const settleMs = 100;

/**
 * Subscribes, and again whenever the stream breaks. `onGap` is called whenever events may have been missed (at each
 * new subscription): the caller lists. The function returned ends it.
 */
export function subscribe(socket: string, onEvent: (event: TaskEvent) => void, onGap: () => void): () => void {
  const channel = new RpcChannel({ at: { socket }, headers: { 'containerd-namespace': 'k8s.io' } });
  const request = messages.encode('containerd.SubscribeRequest', { filters });
  let closed = false;
  let cancel = (): void => {};
  let timer: NodeJS.Timeout | undefined;
  const open = (): void => {
    cancel = channel.stream(
      '/containerd.services.events.v1.Events/Subscribe',
      request,
      (bytes) => {
        const event = taskEvent(decode('Envelope', bytes) as unknown as Envelope);
        if (event) onEvent(event);
      },
      () => {
        clearTimeout(timer);
        if (!closed) timer = setTimeout(open, reconnectMs);
      },
    );
    // The server sends its headers with the first event only: list once the subscription has surely reached it.
    timer = setTimeout(onGap, settleMs);
  };
  open();
  return () => {
    closed = true;
    clearTimeout(timer);
    cancel();
    channel.close();
  };
}
