// CRI v1 over containerd's unix socket: one warm channel, typed calls. https://kubernetes.io/docs/concepts/containers/cri/

import descriptor from './cri-v1.json' with { type: 'json' };
import { Messages, RpcChannel, RpcError } from './grpc.ts';
import type {
  AuthConfig,
  Container,
  ContainerConfig,
  ContainerStatus,
  Image,
  ImageSpec,
  LinuxContainerResources,
  PodSandbox,
  PodSandboxConfig,
  PodSandboxStatus,
  RuntimeStatus,
} from './messages.ts';

export const isNotFound = (error: unknown): boolean => error instanceof RpcError && error.code === 'NOT_FOUND';

const quickMs = 15_000;
/** Sandboxes and containers: CNI and a busy disk take their time. */
const slowMs = 240_000;
const pullMs = 3_600_000;

export interface Cri {
  version(): Promise<{ runtime_name: string; runtime_version: string; runtime_api_version: string }>;
  status(): Promise<RuntimeStatus>;
  runPodSandbox(config: PodSandboxConfig, runtimeHandler: string): Promise<string>;
  stopPodSandbox(id: string): Promise<void>;
  removePodSandbox(id: string): Promise<void>;
  podSandboxStatus(id: string): Promise<PodSandboxStatus>;
  podSandboxInfo(id: string): Promise<Record<string, string>>;
  listPodSandbox(): Promise<PodSandbox[]>;
  createContainer(sandboxId: string, config: ContainerConfig, sandbox: PodSandboxConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Seconds from SIGTERM to SIGKILL. */
  stopContainer(id: string, timeoutSeconds: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  listContainers(): Promise<Container[]>;
  containerStatus(id: string): Promise<ContainerStatus>;
  updateContainerResources(id: string, resources: LinuxContainerResources): Promise<void>;
  reopenContainerLog(id: string): Promise<void>;
  /** @param timeoutSeconds 0: as long as it takes */
  execSync(
    id: string,
    command: string[],
    timeoutSeconds: number,
  ): Promise<{ stdout: Buffer; stderr: Buffer; exit_code: number }>;
  exec(request: {
    container_id: string;
    cmd: string[];
    tty: boolean;
    stdin: boolean;
    stdout: boolean;
    stderr: boolean;
  }): Promise<string>;
  attach(request: {
    container_id: string;
    tty: boolean;
    stdin: boolean;
    stdout: boolean;
    stderr: boolean;
  }): Promise<string>;
  portForward(sandboxId: string, ports: number[]): Promise<string>;
  listImages(): Promise<Image[]>;
  imageStatus(image: ImageSpec): Promise<Image | undefined>;
  pullImage(image: ImageSpec, auth: AuthConfig | undefined, sandbox: PodSandboxConfig | undefined): Promise<string>;
  removeImage(image: ImageSpec): Promise<void>;
  imageFs(): Promise<{ mountpoint: string; usedBytes: number }[]>;
  /** Bytes that each container has written into its own layer, as the runtime last measured it (every 10 s). */
  layerBytes(): Promise<ReadonlyMap<string, number>>;
  close(): void;
}

type Unary = (method: string, request: object, timeoutMs: number | undefined) => Promise<Record<string, unknown>>;

const reads = /^(Version|List\w+|\w*Status|ImageFsInfo)$/;
const messages = new Messages(descriptor);

/** Told of each call when it is over. */
export type ObserveCall = (method: string, seconds: number, failed: boolean) => void;

/** Tells how long each call took. */
const observed =
  (call: Unary, observe: ObserveCall): Unary =>
  async (method, request, timeoutMs) => {
    const began = performance.now();
    const told = (failed: boolean): void => observe(method, (performance.now() - began) / 1000, failed);
    try {
      const answer = await call(method, request, timeoutMs);
      told(false);
      return answer;
    } catch (error) {
      told(true);
      throw error;
    }
  };

/** Request and answer of a method are named after it. */
const unaryOf =
  (channel: RpcChannel, service: string): Unary =>
  async (method, request, timeoutMs) => {
    // `GetContainerEvents` is the only method whose messages are named otherwise, and it is not called.
    const body = messages.encode(`runtime.v1.${method}Request`, request);
    const call = () => channel.unary(`/runtime.v1.${service}/${method}`, body, timeoutMs);
    const answer = await call().catch((error) => {
      // The connection of a runtime that was restarted is found dead by the first call: one that only reads is made again.
      if (error instanceof RpcError && error.code === 'UNAVAILABLE' && reads.test(method)) return call();
      throw error;
    });
    return messages.decode(`runtime.v1.${method}Response`, answer);
  };

function runtimeCalls(call: Unary) {
  return {
    version: async () => (await call('Version', {}, quickMs)) as never,
    status: async () => (await call('Status', { verbose: false }, quickMs)) as never,
    runPodSandbox: async (config: PodSandboxConfig, runtime_handler: string) =>
      (await call('RunPodSandbox', { config, runtime_handler }, slowMs))['pod_sandbox_id'] as string,
    stopPodSandbox: async (pod_sandbox_id: string) => void (await call('StopPodSandbox', { pod_sandbox_id }, slowMs)),
    removePodSandbox: async (pod_sandbox_id: string) =>
      void (await call('RemovePodSandbox', { pod_sandbox_id }, slowMs)),
    podSandboxStatus: async (pod_sandbox_id: string) =>
      (await call('PodSandboxStatus', { pod_sandbox_id }, quickMs))['status'] as PodSandboxStatus,
    podSandboxInfo: async (pod_sandbox_id: string) =>
      (await call('PodSandboxStatus', { pod_sandbox_id, verbose: true }, quickMs))['info'] as Record<string, string>,
    listPodSandbox: async () => (await call('ListPodSandbox', {}, quickMs))['items'] as PodSandbox[],
    createContainer: async (pod_sandbox_id: string, config: ContainerConfig, sandbox_config: PodSandboxConfig) =>
      (await call('CreateContainer', { pod_sandbox_id, config, sandbox_config }, slowMs))['container_id'] as string,
    startContainer: async (container_id: string) => void (await call('StartContainer', { container_id }, slowMs)),
    stopContainer: async (container_id: string, timeout: number) =>
      void (await call('StopContainer', { container_id, timeout }, timeout * 1000 + slowMs)),
    removeContainer: async (container_id: string) => void (await call('RemoveContainer', { container_id }, slowMs)),
    listContainers: async () => (await call('ListContainers', {}, quickMs))['containers'] as Container[],
    containerStatus: async (container_id: string) =>
      (await call('ContainerStatus', { container_id }, quickMs))['status'] as ContainerStatus,
    updateContainerResources: async (container_id: string, linux: LinuxContainerResources) =>
      void (await call('UpdateContainerResources', { container_id, linux }, quickMs)),
    reopenContainerLog: async (container_id: string) =>
      void (await call('ReopenContainerLog', { container_id }, quickMs)),
    layerBytes: async () => {
      const stats = (await call('ListContainerStats', {}, quickMs))['stats'] as LayerUsage[];
      return new Map(
        stats.map((one) => [one.attributes?.id ?? '', Number(one.writable_layer?.used_bytes?.value ?? 0)]),
      );
    },
    execSync: async (container_id: string, cmd: string[], timeout: number) =>
      (await call(
        'ExecSync',
        { container_id, cmd, timeout },
        timeout > 0 ? timeout * 1000 + quickMs : undefined,
      )) as never,
    exec: async (request: object) => (await call('Exec', request, quickMs))['url'] as string,
    attach: async (request: object) => (await call('Attach', request, quickMs))['url'] as string,
    portForward: async (pod_sandbox_id: string, port: number[]) =>
      (await call('PortForward', { pod_sandbox_id, port }, quickMs))['url'] as string,
  };
}

interface LayerUsage {
  attributes: { id: string } | null;
  writable_layer: Pick<FilesystemUsage, 'used_bytes'> | null;
}

interface FilesystemUsage {
  fs_id: { mountpoint: string } | null;
  used_bytes: { value: string } | null;
}

function imageCalls(call: Unary) {
  return {
    listImages: async () => (await call('ListImages', {}, quickMs))['images'] as Image[],
    imageStatus: async (image: ImageSpec) =>
      ((await call('ImageStatus', { image }, quickMs))['image'] as Image | null) ?? undefined,
    pullImage: async (image: ImageSpec, auth: AuthConfig | undefined, sandbox_config: PodSandboxConfig | undefined) =>
      (await call('PullImage', { image, auth, sandbox_config }, pullMs))['image_ref'] as string,
    removeImage: async (image: ImageSpec) => void (await call('RemoveImage', { image }, slowMs)),
    imageFs: async () =>
      ((await call('ImageFsInfo', {}, quickMs))['image_filesystems'] as FilesystemUsage[]).map((f) => ({
        mountpoint: f.fs_id?.mountpoint ?? '',
        usedBytes: Number(f.used_bytes?.value ?? 0),
      })),
  };
}

/** Connects at the first call; the channel reconnects by itself when the runtime was away. */
export function connectCri(socket: string, observe: ObserveCall = () => {}): Cri {
  const channel = new RpcChannel({ at: { socket } });
  return {
    ...runtimeCalls(observed(unaryOf(channel, 'RuntimeService'), observe)),
    ...imageCalls(observed(unaryOf(channel, 'ImageService'), observe)),
    close: () => channel.close(),
  };
}
