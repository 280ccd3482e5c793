// postStart and preStop hooks: https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/
import { setTimeout as sleep } from 'node:timers/promises';
import type { LifecycleHandler, Pod } from '../../core/api/types.gen.ts';
import type { AnyContainer } from '../../core/kubelet/containers.ts';
import type { Cri } from '../cri/client.ts';
import { httpHook } from './http-get.ts';

/** Throws with the text that events and `state.waiting` show. @param limitSeconds 0: as long as it takes */
export async function runHook(
  cri: Cri,
  hook: LifecycleHandler,
  pod: Pod,
  container: AnyContainer,
  id: string,
  podIP: string,
  limitSeconds: number,
): Promise<void> {
  const podText = `${pod.metadata?.name}_${pod.metadata?.namespace}(${pod.metadata?.uid})`;
  if (hook.exec) {
    const command = hook.exec.command ?? [];
    const failed = (why: string, output: string): Error =>
      new Error(
        `Exec lifecycle hook ([${command.join(' ')}]) for Container "${container.name}" in Pod "${podText}" failed - error: ${why}, message: ${JSON.stringify(output)}`,
      );
    let result: Awaited<ReturnType<Cri['execSync']>>;
    try {
      result = await cri.execSync(id, command, limitSeconds);
    } catch (error) {
      throw failed((error as Error).message, '');
    }
    const output = `${result.stdout}${result.stderr}`;
    if (result.exit_code !== 0)
      throw failed(`command '${command.join(' ')}' exited with ${result.exit_code}: ${output}`, output);
  } else if (hook.httpGet) {
    try {
      await httpHook(hook.httpGet, pod, container, podIP, 'kube-lifecycle/1.36');
    } catch (error) {
      throw new Error(
        `HTTP lifecycle hook (${hook.httpGet.path}) for Container "${container.name}" in Pod "${podText}" failed - error: ${(error as Error).message}`,
      );
    }
  } else if (hook.sleep) await sleep(hook.sleep.seconds * 1000);
  // tcpSocket is in the API for old times' sake: a kubelet does not do it, and says so.
  else throw new Error(`Cannot run handler: invalid handler: ${JSON.stringify(hook)}`);
}
