// Who the node is: a bootstrap token becomes a client certificate through a CertificateSigningRequest, the certificate of
// its server another one; both are renewed before they end. Where the instance's role is the identity, only the server's is needed.
// https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CertificateSigningRequest } from '../core/api/types.gen.ts';
import type { Client } from '../core/client/client.ts';
import type { Log } from '../core/ports.ts';
import type { Credentials } from './api-fetch.ts';
import type { CertificateRequest } from './certificate-request.ts';
import { certificateRequest } from './certificate-request.ts';

export interface KeyAndCertificate {
  key: string;
  cert: string;
}

/** `api`: what the node shows to its pods in the API's name. */
type Purpose = 'client' | 'serving' | 'api';

const signers: Record<Purpose, { name: string; usage: string }> = {
  client: { name: 'kubernetes.io/kube-apiserver-client-kubelet', usage: 'client auth' },
  serving: { name: 'kubernetes.io/kubelet-serving', usage: 'server auth' },
  api: { name: 'kubernetes.io/kubelet-serving', usage: 'server auth' },
};
const requests = { group: 'certificates.k8s.io', version: 'v1', plural: 'certificatesigningrequests' };
/** Signed within milliseconds as a rule: asked often at first, then less and less. */
const firstPollMs = 10;
const pollMs = 1000;
const patienceMs = 120_000;
/** Renewed when this share of its life has passed. */
const renewAfter = 0.8;
const checkMs = 60_000;

export interface IdentityOptions {
  nodeName: string;
  address: string;
  stateDir: string;
  ca: string;
  bootstrapToken: string | undefined;
  /** Calls carry tokens of the instance's role (agent/iam-fetch.ts): there is no client certificate to be had. */
  iam?: boolean;
  /** Names and address under which the node's pods find the API on the node; absent: they find it elsewhere. */
  api?: { dnsNames: string[]; address: string };
  log: Log;
}

export class Identity {
  readonly #options: IdentityOptions;
  readonly #held = new Map<Purpose, KeyAndCertificate>();
  readonly #listeners: { purpose: Purpose; callback: () => void }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: IdentityOptions) {
    this.#options = options;
    for (const purpose of ['client', 'serving', 'api'] as const) {
      const file = this.#file(purpose);
      if (!existsSync(file)) continue;
      const held = JSON.parse(readFileSync(file, 'utf8')) as KeyAndCertificate;
      if (Date.parse(new X509Certificate(held.cert).validTo) > Date.now()) this.#held.set(purpose, held);
    }
  }

  /** PEM of the cluster's CA: who may call the agent's server. */
  get ca(): string {
    return this.#options.ca;
  }

  credentials(): Credentials {
    if (this.#options.iam) return {};
    const certificate = this.#held.get('client');
    const token = this.#options.bootstrapToken;
    return { ca: this.#options.ca, ...(certificate ? { certificate } : {}), ...(token ? { token } : {}) };
  }

  serving(): KeyAndCertificate | undefined {
    return this.#held.get('serving');
  }

  onServingChange(callback: () => void): void {
    this.#listeners.push({ purpose: 'serving', callback });
  }

  api(): KeyAndCertificate | undefined {
    return this.#held.get('api');
  }

  onApiChange(callback: () => void): void {
    this.#listeners.push({ purpose: 'api', callback });
  }

  /** Asks until it has the client certificate; the bootstrap token is used no more afterwards. */
  async join(client: Client): Promise<void> {
    if (!this.#options.iam && !this.#held.has('client')) await this.#obtain(client, 'client');
  }

  /** The server's certificate, then renewals of both for ever. */
  async keep(client: Client): Promise<void> {
    if (!this.#held.has('serving') || !this.#covers(this.#held.get('serving')!)) await this.#obtain(client, 'serving');
    this.#timer = setInterval(() => void this.#renew(client), checkMs);
    this.#timer.unref();
  }

  /** The certificate in the API's name; renewed with the others. Rejects when it was refused. */
  async keepApi(client: Client): Promise<void> {
    const { api } = this.#options;
    const held = this.#held.get('api');
    if (api && !(held && new X509Certificate(held.cert).checkIP(api.address))) await this.#obtain(client, 'api');
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** A node whose address changed needs a new serving certificate. */
  #covers(held: KeyAndCertificate): boolean {
    return new X509Certificate(held.cert).checkIP(this.#options.address) !== undefined;
  }

  async #renew(client: Client): Promise<void> {
    for (const [purpose, held] of this.#held) {
      const { validFrom, validTo } = new X509Certificate(held.cert);
      const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
      if (Date.now() < from + (to - from) * renewAfter) continue;
      await this.#obtain(client, purpose).catch((error) =>
        this.#options.log('warn', 'certificate renewal failed', { purpose, error: (error as Error).message }),
      );
    }
  }

  async #obtain(client: Client, purpose: Purpose): Promise<void> {
    const { key, request } = this.#request(purpose);
    const { name: signerName, usage } = signers[purpose];
    const made = await client.create<CertificateSigningRequest>(requests, {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { generateName: 'csr-' },
      spec: { request: Buffer.from(request).toString('base64'), signerName, usages: ['digital signature', usage] },
    });
    const cert = await this.#wait(client, made.metadata?.name ?? '', purpose);
    await this.#store(purpose, { key, cert });
    this.#options.log('info', 'certificate obtained', { purpose });
    for (const one of this.#listeners) if (one.purpose === purpose) one.callback();
  }

  #request(purpose: Purpose): CertificateRequest {
    const { nodeName, address, api } = this.#options;
    const names = { client: undefined, serving: { dnsNames: [nodeName], address }, api }[purpose];
    return certificateRequest({
      organization: 'system:nodes',
      commonName: `system:node:${nodeName}`,
      dnsNames: names?.dnsNames ?? [],
      addresses: names ? [names.address] : [],
    });
  }

  async #wait(client: Client, name: string, purpose: Purpose): Promise<string> {
    const began = Date.now();
    const until = began + patienceMs;
    while (Date.now() < until) {
      const { status } = await client.get<CertificateSigningRequest>(requests, { name });
      const refused = status?.conditions?.find((c) => c.type === 'Denied' || c.type === 'Failed');
      if (refused)
        throw new Error(`the ${purpose} certificate was refused: ${refused.message ?? refused.reason ?? refused.type}`);
      if (status?.certificate) return Buffer.from(status.certificate, 'base64').toString('utf8');
      await sleep(Math.min(Math.max((Date.now() - began) / 10, firstPollMs), pollMs));
    }
    throw new Error(`nobody signed the ${purpose} certificate within ${patienceMs / 1000} s`);
  }

  #file(purpose: Purpose): string {
    return `${this.#options.stateDir}/identity/${purpose}.json`;
  }

  async #store(purpose: Purpose, held: KeyAndCertificate): Promise<void> {
    this.#held.set(purpose, held);
    const file = this.#file(purpose);
    await mkdir(`${this.#options.stateDir}/identity`, { recursive: true, mode: 0o700 });
    await writeFile(`${file}.new`, JSON.stringify(held), { mode: 0o600 });
    await rename(`${file}.new`, file);
  }
}
