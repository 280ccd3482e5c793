// Pod sandboxes: made while all else that the containers need is made beside them, and stopped.
import { goRpcError } from '../images/images.ts';
import { checkBandwidth, limitBandwidth } from '../net/bandwidth.ts';
import { podDns } from '../pods/dns.ts';
import { hostPorts } from '../pods/sandbox-config.ts';
import type { PodTask } from '../runtime.ts';
import type { Cri } from './client.ts';
import { type CriContext, ignoreNotFound } from './context.ts';

export async function createSandbox(context: CriContext, task: PodTask, attempt: number): Promise<void> {
  const { deps, observer, preparation } = context;
  const { pod } = task;
  if (attempt > 0) {
    const message = 'Pod sandbox changed, it will be killed and re-created.';
    task.event({ type: 'Normal', reason: 'SandboxChanged', message });
    preparation.forgetHosts(task.uid);
  }
  for (const message of podDns(pod, deps.dns).omitted)
    task.event({ type: 'Warning', reason: 'DNSConfigForming', message });
  try {
    checkBandwidth(pod);
    const handler = hostPorts(pod).length > 0 ? (deps.config.hostPortHandler ?? '') : '';
    // The runtime is at work on the sandbox, by far the longest step, while all the rest is made.
    const sandbox = deps.cri.runPodSandbox(context.sandboxConfig(pod, attempt), handler);
    preparation.begin(task);
    const [made, place] = await Promise.allSettled([sandbox, preparation.place(task)]);
    if (made.status === 'rejected') throw made.reason;
    const id = made.value;
    const ips = await finishSandbox(context, task, id, place).catch(async (error) => {
      await discardSandbox(deps.cri, id);
      throw error;
    });
    const { namespace = '', name = '' } = pod.metadata ?? {};
    observer.addSandbox(task.uid, namespace, name, { id, attempt, ready: true, createdAt: Date.now(), ips });
  } catch (error) {
    task.event({
      type: 'Warning',
      reason: 'FailedCreatePodSandBox',
      message: `Failed to create pod sandbox: ${goRpcError(error)}`,
    });
    throw error;
  }
}

/** What the runtime does not do for a sandbox, and its addresses. */
async function finishSandbox(
  { deps, observer }: CriContext,
  { pod }: PodTask,
  id: string,
  place: PromiseSettledResult<void>,
): Promise<string[]> {
  if (place.status === 'rejected') throw place.reason;
  const ips = pod.spec?.hostNetwork ? [] : await observer.sandboxIPs(id);
  await limitBandwidth(deps.cri, id, pod);
  return ips;
}

/** No container may run where no limits are. What cannot be removed now is found by the next list. */
async function discardSandbox(cri: Cri, id: string): Promise<void> {
  await cri.stopPodSandbox(id).catch(() => undefined);
  await cri.removePodSandbox(id).catch(() => undefined);
}

export async function stopSandbox({ deps, observer }: CriContext, id: string): Promise<void> {
  await deps.cri.stopPodSandbox(id).catch(ignoreNotFound);
  observer.markSandbox(id, false);
}
