// A stand-in for ECR on loopback: its API as far as pushing and pulling need it (tokens, repositories), and a registry by the OCI
// distribution specification that takes those tokens only, and images for repositories that were made only.
import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RegistryStandIn {
  /** `127.0.0.1:PORT` */
  host: string;
  url: string;
  /** Passwords that were handed out and are good; removing one makes it an expired token. */
  tokens: Set<string>;
  repositories: Set<string>;
  /** `repository:tag` to the manifest's digest. */
  tags: Map<string, string>;
  /** Of the API, in order. */
  calls: string[];
  /** While set, the API answers nothing but this error. */
  failing: string | undefined;
  close(): Promise<void>;
}

interface ApiInput {
  repositoryName?: string;
  repositoryNames?: string[];
  imageIds?: { imageTag: string }[];
  imageManifest?: string;
  imageTag?: string;
}

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
};

const digestOf = (content: Buffer): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;

class Registry {
  readonly tokens = new Set<string>();
  readonly repositories = new Set<string>();
  readonly tags = new Map<string, string>();
  readonly calls: string[] = [];
  failing: string | undefined;
  host = '';
  readonly #blobs = new Map<string, Buffer>();
  readonly #types = new Map<string, string>();
  readonly #uploads = new Map<string, Buffer>();

  async answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const body = await bodyOf(request);
    const target = request.headers['x-amz-target'];
    if (typeof target === 'string') return this.#api(target.split('.')[1]!, body, response);
    if (!this.#mayIn(request)) {
      response.setHeader('www-authenticate', 'Basic realm="stand-in"');
      return this.#error(
        response,
        401,
        'UNAUTHORIZED',
        'Your authorization token has expired. Reauthenticate and try again.',
      );
    }
    const url = new URL(request.url ?? '/', 'http://stand-in');
    if (url.pathname === '/v2/') return response.end('{}');
    const match = /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests)\/?([^/]*)$/.exec(url.pathname);
    if (!match) return this.#error(response, 404, 'NOT_FOUND', url.pathname);
    const [, repository, part, name] = match;
    if (!this.repositories.has(repository!))
      return this.#error(response, 404, 'NAME_UNKNOWN', `The repository with name '${repository}' does not exist`);
    if (part === 'blobs/uploads') return this.#upload(request.method!, url, repository!, name!, body, response);
    if (request.method === 'PUT') return this.#putManifest(request, repository!, name!, body, response);
    return this.#get(
      request.method!,
      part === 'manifests' ? (this.tags.get(`${repository}:${name}`) ?? name!) : name!,
      response,
    );
  }

  #mayIn({ headers }: IncomingMessage): boolean {
    const [user, password] = Buffer.from((headers.authorization ?? '').replace('Basic ', ''), 'base64')
      .toString()
      .split(':');
    return user === 'AWS' && this.tokens.has(password ?? '');
  }

  #error(response: ServerResponse, code: number, name: string, message: string): unknown {
    response.writeHead(code, { 'content-type': 'application/json' });
    return response.end(JSON.stringify({ errors: [{ code: name, message }] }));
  }

  #api(action: string, body: Buffer, response: ServerResponse): unknown {
    this.calls.push(action);
    response.setHeader('content-type', 'application/x-amz-json-1.1');
    const fail = (type: string): unknown => {
      response.statusCode = 400;
      return response.end(JSON.stringify({ __type: type, message: type }));
    };
    if (this.failing) return fail(this.failing);
    const input = JSON.parse(body.toString()) as ApiInput;
    const name = input.repositoryName ?? input.repositoryNames?.[0] ?? '';
    if (action === 'GetAuthorizationToken') {
      const password = randomUUID();
      this.tokens.add(password);
      const authorizationToken = Buffer.from(`AWS:${password}`).toString('base64');
      const expiresAt = Date.now() / 1000 + 43_200;
      return response.end(
        JSON.stringify({
          authorizationData: [{ authorizationToken, expiresAt, proxyEndpoint: `http://${this.host}` }],
        }),
      );
    }
    if (action === 'DescribeRepositories' && name && !this.repositories.has(name))
      return fail('RepositoryNotFoundException');
    if (action === 'CreateRepository') this.repositories.add(name);
    const images = this.#images(action, input, name);
    if (images === 'missing') return fail('ImageNotFoundException');
    if (images) return response.end(JSON.stringify(images));
    const named = (input.repositoryNames ?? (name ? [name] : [...this.repositories])).map((repositoryName) => ({
      repositoryName,
      repositoryUri: `${this.host}/${repositoryName}`,
    }));
    return response.end(JSON.stringify({ repositories: named }));
  }

  /** What is asked about the images of a repository; undefined: something else. */
  #images(
    action: string,
    { imageIds, imageManifest, imageTag }: ApiInput,
    name: string,
  ): object | 'missing' | undefined {
    const asked = imageIds?.[0]?.imageTag;
    const digest = this.tags.get(`${name}:${asked}`);
    if (asked !== undefined && digest === undefined) return 'missing';
    if (action === 'DescribeImages') return { imageDetails: this.#details(name, digest) };
    if (action === 'BatchDeleteImage') {
      this.tags.delete(`${name}:${asked}`);
      return { imageIds, failures: [] };
    }
    if (action === 'BatchGetImage') {
      const manifest = this.#blobs.get(digest!)!.toString();
      return { images: [{ imageManifest: manifest, imageManifestMediaType: this.#types.get(digest!) }] };
    }
    if (action !== 'PutImage') return undefined;
    this.tags.set(`${name}:${imageTag}`, digestOf(Buffer.from(imageManifest!)));
    return { image: {} };
  }

  /** By digest, as ECR lists them. */
  #details(name: string, only: string | undefined): object[] {
    const tags = new Map<string, string[]>();
    for (const [tagged, digest] of this.tags) {
      const [repository, tag] = [tagged.slice(0, tagged.lastIndexOf(':')), tagged.slice(tagged.lastIndexOf(':') + 1)];
      if (repository === name && (only ?? digest) === digest) tags.set(digest, [...(tags.get(digest) ?? []), tag]);
    }
    return [...tags].map(([imageDigest, imageTags]) => ({ imageDigest, imageTags, imageSizeInBytes: 2048 }));
  }

  #upload(method: string, url: URL, repository: string, id: string, body: Buffer, response: ServerResponse): unknown {
    const upload = id || randomUUID();
    const content = Buffer.concat([this.#uploads.get(upload) ?? Buffer.alloc(0), body]);
    this.#uploads.set(upload, content);
    response.setHeader('location', `/v2/${repository}/blobs/uploads/${upload}`);
    if (method !== 'PUT') {
      response.setHeader('range', `0-${Math.max(content.length - 1, 0)}`);
      return response.writeHead(202).end();
    }
    const digest = url.searchParams.get('digest')!;
    if (digestOf(content) !== digest) return this.#error(response, 400, 'DIGEST_INVALID', digest);
    this.#blobs.set(digest, content);
    this.#uploads.delete(upload);
    return response.writeHead(201, { 'docker-content-digest': digest }).end();
  }

  #putManifest(
    { headers }: IncomingMessage,
    repository: string,
    name: string,
    body: Buffer,
    response: ServerResponse,
  ): unknown {
    const digest = digestOf(body);
    this.#blobs.set(digest, body);
    this.#types.set(digest, headers['content-type'] ?? '');
    if (!name.startsWith('sha256:')) this.tags.set(`${repository}:${name}`, digest);
    return response.writeHead(201, { 'docker-content-digest': digest }).end();
  }

  #get(method: string, digest: string, response: ServerResponse): unknown {
    const content = this.#blobs.get(digest);
    if (!content) return this.#error(response, 404, 'NOT_FOUND', digest);
    const type = this.#types.get(digest) ?? 'application/octet-stream';
    response.writeHead(200, {
      'content-type': type,
      'content-length': content.length,
      'docker-content-digest': digest,
    });
    return response.end(method === 'HEAD' ? undefined : content);
  }
}

export async function startRegistry(): Promise<RegistryStandIn> {
  const registry = new Registry();
  const server = createServer((request, response) => void registry.answer(request, response));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  registry.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(registry, {
    url: `http://${registry.host}`,
    close: () =>
      new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  });
}
