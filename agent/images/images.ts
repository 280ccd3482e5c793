// Makes sure that a container's image is on the node: https://kubernetes.io/docs/concepts/containers/images/
import type { AnyContainer } from '../../core/kubelet/containers.ts';
import type { Cri } from '../cri/client.ts';
import { RpcError } from '../cri/grpc.ts';
import type { AuthConfig, Image, PodSandboxConfig } from '../cri/messages.ts';
import type { PodSources } from '../objects.ts';
import type { PodTask } from '../runtime.ts';
import { StartError } from '../runtime.ts';
import { credentialsFor } from './credentials.ts';

const nameForm =
  /^(?:[a-zA-Z0-9][a-zA-Z0-9.-]*(?::\d+)?\/)?[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*(?::[\w][\w.-]{0,127})?(?:@sha256:[a-f0-9]{64}|@sha512:[a-f0-9]{128})?$/;

/** How gRPC names a code in Go's texts, which users know from `kubectl describe`. */
const goCode = (code: string): string =>
  code
    .toLowerCase()
    .split('_')
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join('');

export const goRpcError = (error: unknown): string =>
  error instanceof RpcError
    ? `rpc error: code = ${goCode(error.code)} desc = ${error.message}`
    : (error as Error).message;

/** `name` -> `name:latest`. */
function withTag(image: string): string {
  const last = image.slice(image.lastIndexOf('/') + 1);
  return last.includes(':') || image.includes('@') ? image : `${image}:latest`;
}

/** Passwords of registries that the node itself may read (ECR: aws/ecr/credentials.ts). */
export interface NodeCredentials {
  /** undefined: none for this image. Throws an Error that says why there is none where one is needed. */
  get(image: string): Promise<Login | undefined>;
  /** The registry took it for wrong or too old. */
  refused(image: string, login: Login): void;
}

export interface Login {
  username: string;
  password: string;
}

const auth = ({ username, password }: Login): AuthConfig => ({ username, password });

/** How registries, as containerd passes their words on, say that a password is wrong or too old. */
const refusal = /\b40[13]\b|unauthorized|authorization failed|denied|expired/i;

export class Images {
  readonly #cri: Cri;
  readonly #sources: PodSources;
  readonly #node: NodeCredentials | undefined;
  /** One pull per image and credentials at a time. */
  readonly #pulls = new Map<string, Promise<void>>();

  constructor(cri: Cri, sources: PodSources, node?: NodeCredentials) {
    this.#cri = cri;
    this.#sources = sources;
    this.#node = node;
  }

  /** The image as the runtime knows it. Throws StartError with the reasons that kubelet uses. */
  async ensure(task: PodTask, container: AnyContainer, sandbox: PodSandboxConfig | undefined): Promise<Image> {
    const asked = container.image ?? '';
    if (!nameForm.test(asked)) {
      const message = `Failed to apply default image tag "${asked}": couldn't parse image name "${asked}": invalid reference format`;
      task.event({ type: 'Warning', reason: 'InspectFailed', message, container: container.name });
      throw new StartError('InvalidImageName', message);
    }
    const image = withTag(asked);
    const policy = container.imagePullPolicy ?? (image.endsWith(':latest') ? 'Always' : 'IfNotPresent');
    const present = await this.#inspect(task, container, image);
    if (present && policy !== 'Always') {
      task.event({
        type: 'Normal',
        reason: 'Pulled',
        message: `Container image "${asked}" already present on machine`,
        container: container.name,
      });
      return present;
    }
    if (policy === 'Never') {
      const message = `Container image "${asked}" is not present with pull policy of Never`;
      task.event({ type: 'Warning', reason: 'ErrImageNeverPull', message, container: container.name });
      throw new StartError('ErrImageNeverPull', message);
    }
    await this.#pull(task, container, image, asked, sandbox);
    const pulled = await this.#inspect(task, container, image);
    if (!pulled) throw new StartError('ErrImagePull', `image "${asked}" is gone after it was pulled`);
    return pulled;
  }

  async #inspect(task: PodTask, container: AnyContainer, image: string): Promise<Image | undefined> {
    try {
      return await this.#cri.imageStatus({ image });
    } catch (error) {
      const message = `Failed to inspect image "${image}": ${goRpcError(error)}`;
      task.event({ type: 'Warning', reason: 'InspectFailed', message, container: container.name });
      throw new StartError('ImageInspectError', message);
    }
  }

  async #pull(
    task: PodTask,
    container: AnyContainer,
    image: string,
    asked: string,
    sandbox: PodSandboxConfig | undefined,
  ): Promise<void> {
    task.event({ type: 'Normal', reason: 'Pulling', message: `Pulling image "${asked}"`, container: container.name });
    const began = performance.now();
    const credentials = credentialsFor(task.pod, image, this.#sources);
    // Nobody gets an image by another's credentials.
    const key = JSON.stringify([image, credentials]);
    let pull = this.#pulls.get(key);
    if (!pull) {
      pull = this.#tryCredentials(credentials, image, sandbox).finally(() => this.#pulls.delete(key));
      this.#pulls.set(key, pull);
    }
    try {
      await pull;
    } catch (error) {
      const text = goRpcError(error);
      const message = `Failed to pull image "${asked}": ${text}`;
      task.event({ type: 'Warning', reason: 'Failed', message, container: container.name });
      throw new StartError('ErrImagePull', message.replace(/^Failed/, 'failed'));
    }
    const took = `${Math.round(performance.now() - began)}ms`;
    const size = (await this.#cri.imageStatus({ image }))?.size ?? '0';
    task.event({
      type: 'Normal',
      reason: 'Pulled',
      message: `Successfully pulled image "${asked}" in ${took} (${took} including waiting). Image size: ${size} bytes.`,
      container: container.name,
    });
  }

  /** Image pull secrets go first; then what the node itself has; nothing only where there is nothing. */
  async #tryCredentials(
    credentials: AuthConfig[],
    image: string,
    sandbox: PodSandboxConfig | undefined,
  ): Promise<void> {
    let failure: unknown;
    for (const auth of credentials) {
      try {
        await this.#cri.pullImage({ image }, auth, sandbox);
        return;
      } catch (error) {
        failure = error;
      }
    }
    const login = await this.#node?.get(image);
    if (!login && failure) throw failure;
    try {
      await this.#cri.pullImage({ image }, login && auth(login), sandbox);
    } catch (error) {
      const renewed = login && refusal.test((error as Error).message) && (await this.#renewed(image, login));
      if (!renewed) throw error;
      await this.#cri.pullImage({ image }, auth(renewed), sandbox);
    }
  }

  /** Another password than the refused one, if there is one. */
  async #renewed(image: string, login: Login): Promise<Login | undefined> {
    this.#node?.refused(image, login);
    const next = await this.#node?.get(image);
    return next?.password === login.password ? undefined : next;
  }
}
