// What the API server is made of. app.ts puts it together; hosts hand in the rest.

import type { Kind, Verb } from '../api/kinds/kind.ts';
import type { KubeObject } from '../api/objects.ts';
import type { MetricRegistry } from '../api/prometheus.ts';
import type { Ports } from '../ports.ts';
import type { Hub } from '../store/hub.ts';
import type { Store } from '../store/store.ts';

/** Who calls, as authentication found it. */
export interface User {
  username: string;
  uid?: string;
  groups: string[];
  extra?: Record<string, string[]>;
}

/** What the host knows about the connection: the verified client certificate's subject, and the caller's address. */
export interface Peer {
  certificate?: { commonName: string; organizations: string[]; fingerprint: string };
  address?: string;
}

/** What a request asks for, parsed once (request-info.ts). */
export interface RequestInfo {
  isResource: boolean;
  verb: Verb | 'proxy' | string;
  /** '/api' or '/apis' paths: group, version, plural, namespace, name, subresource; '' where absent. */
  group: string;
  version: string;
  plural: string;
  namespace: string;
  name: string;
  subresource: string;
  path: string;
  /** A watch that the path asks for ("/api/v1/watch/pods"), whatever the method. */
  watchInPath?: true;
  /** Raw selectors of list and watch, which authorisation and admission look at. */
  labelSelector?: string;
  fieldSelector?: string;
}

/** undefined: these credentials are not mine. Throws unauthorized() for credentials that are mine and wrong. */
export type Authenticator = (request: Request, peer: Peer) => Promise<User | undefined>;

export interface Decision {
  allowed: boolean;
  /** True: no later authorizer may allow it. */
  denied?: boolean;
  reason: string;
}

export interface AuthorizerAttributes {
  user: User;
  verb: string;
  isResource: boolean;
  group: string;
  version: string;
  plural: string;
  subresource: string;
  namespace: string;
  name: string;
  path: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export type Authorizer = (attributes: AuthorizerAttributes) => Promise<Decision>;

export interface AdmissionRequest {
  kind: Kind;
  operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  subresource: string;
  namespace: string;
  name: string;
  /** Undefined for DELETE. A mutating plugin changes it in place. */
  object: KubeObject | undefined;
  old: KubeObject | undefined;
  user: User;
  dryRun: boolean;
  options: Record<string, unknown>;
  warnings: string[];
}

/** Undoes what a plugin reserved (quota) when the write fails after all. */
export type Release = () => Promise<void>;

export interface AdmissionPlugin {
  name: string;
  /** Before defaulting is repeated and validation; may change request.object. Throws StatusError to refuse. */
  mutate?(request: AdmissionRequest): Promise<void>;
  /** After validation of the object; throws StatusError to refuse. */
  validate?(request: AdmissionRequest): Promise<Release | undefined>;
}

/** A connection to a node's agent, for logs, exec, attach, port-forward and node proxy. */
export interface NodeDialer {
  /** Plain HTTP exchange with the agent of this node (path begins with '/'). */
  fetch(node: KubeObject, path: string, init?: RequestInit): Promise<Response>;
}

/** What a verified upgrade request (exec, attach, port-forward) is to be spliced to; the host pipes bytes both ways. */
export interface Tunnel {
  node: KubeObject;
  /** Path and query on the agent's server. */
  path: string;
}

export interface ApiServerDeps extends Ports {
  store: Store;
  authenticators: readonly Authenticator[];
  authorizers: readonly Authorizer[];
  admission: readonly AdmissionPlugin[];
  nodes: NodeDialer;
  /** The reader of changes that watches share; a host that reads them too hands its own in. */
  hub?: Hub;
  /** Extra handlers for subresources and review kinds, found by `plural.group/subresource` or `plural.group` (create only). */
  handlers: ReadonlyMap<string, SubresourceHandler>;
  /** More paths that GET answers with a fixed kind of document (OIDC discovery); authorised as non-resource paths. */
  documents?: ReadonlyMap<string, { contentType: string; body(): string }>;
  /** Addresses and node ports of services; defaults: 10.96.0.0/16, and 30000 to 32767. IPv4 only. */
  services?: { cidr?: string; nodePorts?: { first: number; last: number } };
  /** What else this process counts, if anything: /metrics shows it too. */
  metrics?: MetricRegistry;
  /** Shown by /version. */
  version: { gitVersion: string; major: string; minor: string; platform: string };
}

export interface HandlerContext {
  request: Request;
  info: RequestInfo;
  user: User;
  peer: Peer;
  kind: Kind | undefined;
  deps: ApiServerDeps;
  warnings: string[];
  /** Parsed, typed, defaulted body of a POST or PUT. */
  readBody(schema: string): Promise<KubeObject>;
}

/** Answers one subresource or virtual resource: token, binding, eviction, approval, scale, reviews, sync, log ... */
export interface SubresourceHandler {
  /** HTTP verbs as Kubernetes verbs ('create', 'get', 'update', 'patch'), for discovery. */
  verbs: readonly Verb[];
  /** Kind in discovery ({group, version, kind}) of what is posted or answered. */
  discovery?: { group: string; version: string; kind: string };
  handle(context: HandlerContext): Promise<Response | KubeObject>;
}

export interface ApiServer {
  /** The whole API as one function. */
  fetch(request: Request, peer: Peer): Promise<Response>;
  /** Authenticates, authorises and admits an upgrade request; a Response is the refusal. */
  upgrade(request: Request, peer: Peer): Promise<Tunnel | Response>;
  /** Ends every watch cleanly; nothing is served after. */
  close(): void;
}
