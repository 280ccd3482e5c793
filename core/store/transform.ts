// The edge of the store where objects of some resources (secrets) are encrypted: AES-256-GCM by Web Crypto. What the store
// beneath holds of them, in its objects, its change log and its deletions, is an envelope; resource and key are bound to it,
// so that one envelope cannot stand in for another.
// Follows https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/
import type { KubeObject, ObjectKey } from '../api/objects.ts';
import { freeze } from './revision.ts';
import type { Change, Commit, CommitResult, ListOptions, Resource, Revision, Store, StoredObject } from './store.ts';

/** AES-GCM, 256 bit. */
export interface EncryptionKey {
  id: string;
  key: CryptoKey;
}

export interface EncryptionOptions {
  resources: ReadonlySet<Resource>;
  /** The first one writes, all of them read: that is how keys are rotated. */
  keys: readonly [EncryptionKey, ...EncryptionKey[]];
  randomBytes(length: number): Uint8Array;
}

/** AES-GCM's own nonce length, in bytes. */
const nonceLength = 12;
const envelopeKind = 'Encrypted';

interface Envelope extends KubeObject {
  keyId: string;
  /** Nonce and ciphertext, base64. */
  data: string;
}

const isEnvelope = (object: KubeObject): object is Envelope =>
  object.kind === envelopeKind && object.apiVersion === 'slipway.dev/v1';

const boundTo = (resource: Resource, key: ObjectKey): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(`${resource}/${key.namespace}/${key.name}`);

/** Objects stored before encryption was turned on are read as they are. */
export function withEncryption(store: Store, options: EncryptionOptions): Store {
  const cipher = new Cipher(options);
  const { resources } = options;
  const openStored = async (resource: Resource, key: ObjectKey, stored: StoredObject): Promise<StoredObject> => ({
    object: await cipher.open(resource, key, stored.object),
    revision: stored.revision,
  });
  return {
    async get(resource, key) {
      const stored = await store.get(resource, key);
      return stored && resources.has(resource) ? await openStored(resource, key, stored) : stored;
    },
    async list(resource: Resource, list?: ListOptions) {
      const page = await store.list(resource, list);
      if (!resources.has(resource)) return page;
      const items = page.items.map((stored) => openStored(resource, keyOfEnvelope(stored.object), stored));
      return { ...page, items: await Promise.all(items) };
    },
    async commit(commit: Commit): Promise<CommitResult> {
      const { resource, key } = commit;
      if (!resources.has(resource)) return await store.commit(commit);
      const result = await store.commit({ ...commit, object: await cipher.seal(resource, key, commit.object) });
      if (result.ok || !result.current) return result;
      return { ok: false, current: await openStored(resource, key, result.current) };
    },
    async changesSince(resource: Resource, since: Revision, limit?: number) {
      const page = await store.changesSince(resource, since, limit);
      if (!resources.has(resource)) return page;
      const changes = page.changes.map(async (change): Promise<Change> => {
        const object = await cipher.open(resource, change.key, change.object);
        const previous = change.previous && (await cipher.open(resource, change.key, change.previous));
        return { ...change, object, ...(previous ? { previous } : {}) };
      });
      return { ...page, changes: await Promise.all(changes) };
    },
    head: (resource) => store.head(resource),
    onChange: (listener) => store.onChange(listener),
    ...(store.counts ? { counts: () => store.counts!() } : {}),
    close: () => store.close(),
  };
}

/** Namespace and name stay readable in an envelope's metadata. */
const keyOfEnvelope = (object: KubeObject): ObjectKey => ({
  namespace: object.metadata.namespace ?? '',
  name: object.metadata.name ?? '',
});

class Cipher {
  readonly #options: EncryptionOptions;
  readonly #keys: ReadonlyMap<string, CryptoKey>;
  /** By envelope: an object that was read or written before is not decrypted again, and stays one and the same. */
  readonly #opened = new WeakMap<KubeObject, KubeObject>();

  constructor(options: EncryptionOptions) {
    this.#options = options;
    this.#keys = new Map(options.keys.map(({ id, key }) => [id, key]));
  }

  async seal(resource: Resource, key: ObjectKey, object: KubeObject): Promise<KubeObject> {
    const [{ id, key: secret }] = this.#options.keys;
    const iv = new Uint8Array(this.#options.randomBytes(nonceLength));
    const text = new TextEncoder().encode(JSON.stringify(object));
    const algorithm = { name: 'AES-GCM', iv, additionalData: boundTo(resource, key) };
    const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm, secret, text));
    const data = new Uint8Array(nonceLength + sealed.length);
    data.set(iv);
    data.set(sealed, nonceLength);
    const { namespace, name } = key;
    const envelope: Envelope = {
      apiVersion: 'slipway.dev/v1',
      kind: envelopeKind,
      metadata: namespace ? { namespace, name } : { name },
      keyId: id,
      data: toBase64(data),
    };
    this.#opened.set(envelope, freeze(object));
    return envelope;
  }

  async open(resource: Resource, key: ObjectKey, object: KubeObject): Promise<KubeObject> {
    if (!isEnvelope(object)) return object;
    const known = this.#opened.get(object);
    if (known) return known;
    const secret = this.#keys.get(object.keyId);
    if (!secret) {
      throw new Error(
        `${resource} ${key.namespace}/${key.name} was encrypted with key "${object.keyId}", which is not there`,
      );
    }
    const data = fromBase64(object.data);
    const iv = data.subarray(0, nonceLength);
    const algorithm = { name: 'AES-GCM', iv, additionalData: boundTo(resource, key) };
    const text = await crypto.subtle.decrypt(algorithm, secret, data.subarray(nonceLength));
    const opened = freeze(JSON.parse(new TextDecoder().decode(text)) as KubeObject);
    this.#opened.set(object, opened);
    return opened;
  }
}

function toBase64(bytes: Uint8Array): string {
  let binary = '';
  // In pieces: a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 8_192) binary += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return btoa(binary);
}

const fromBase64 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
