// An image of one layer as an OCI archive (a tar of an image layout), which `ctr images import` takes.
// https://github.com/opencontainers/image-spec: image-layout.md, manifest.md, config.md
import { createHash } from 'node:crypto';
import { type TarEntry, tar } from './tar.ts';

export interface ImageDescription {
  /** Full reference: `localhost/name:tag`. */
  reference: string;
  files: readonly TarEntry[];
  config: {
    Entrypoint?: string[];
    Cmd?: string[];
    Env?: string[];
    ExposedPorts?: Record<string, object>;
    User?: string;
    WorkingDir?: string;
    StopSignal?: string;
    Labels?: Record<string, string>;
  };
}

/** What OCI calls this machine's processor. */
export const architecture = (): string => ({ x64: 'amd64', arm64: 'arm64' })[process.arch as string] ?? process.arch;

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

export function ociArchive(image: ImageDescription): Uint8Array {
  const blobs = new Map<string, Uint8Array>();
  const add = (mediaType: string, data: Uint8Array): Descriptor => {
    const hash = createHash('sha256').update(data).digest('hex');
    blobs.set(hash, data);
    return { mediaType, digest: `sha256:${hash}`, size: data.length };
  };
  const json = (value: object): Uint8Array => Buffer.from(JSON.stringify(value));

  const layer = add('application/vnd.oci.image.layer.v1.tar', tar(image.files));
  const config = add(
    'application/vnd.oci.image.config.v1+json',
    json({
      architecture: architecture(),
      os: 'linux',
      config: image.config,
      rootfs: { type: 'layers', diff_ids: [layer.digest] },
      // one entry a layer, and with a time: buildah counts them, and takes nothing from its cache on top of one without
      history: [{ created: '1970-01-01T00:00:00Z', created_by: 'slipway' }],
    }),
  );
  const manifest = add(
    'application/vnd.oci.image.manifest.v1+json',
    json({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers: [layer] }),
  );
  const index = {
    schemaVersion: 2,
    manifests: [
      {
        ...manifest,
        annotations: {
          'io.containerd.image.name': image.reference,
          'org.opencontainers.image.ref.name': image.reference,
        },
      },
    ],
  };
  return tar([
    { path: 'oci-layout', type: 'file', mode: 0o644, data: json({ imageLayoutVersion: '1.0.0' }) },
    { path: 'index.json', type: 'file', mode: 0o644, data: json(index) },
    { path: 'blobs', type: 'directory', mode: 0o755 },
    { path: 'blobs/sha256', type: 'directory', mode: 0o755 },
    ...[...blobs].map(([hash, data]): TarEntry => ({ path: `blobs/sha256/${hash}`, type: 'file', mode: 0o644, data })),
  ]);
}
