// The controllers as a function: all of them over caches that catch up. It rings the doorbells of the nodes that a change
// concerns, and looks at the nodes' leases when the tick says so.
import { signCertificateRequest } from '../../core/api/certificates.ts';
import { importPrivateKey, type KeyPair } from '../../core/api/cluster-certificates.ts';
import type { Stored } from '../../core/api/objects.ts';
import type { Node } from '../../core/api/types.gen.ts';
import { resources } from '../../core/client/resources.ts';
import type { StoredService } from '../../core/controllers/endpoints/service-pods.ts';
import { dependenceOf } from '../../core/controllers/load-balancers-aws/asked.ts';
import { isSuspicious, lookedAgain, RecordedHeartbeats } from '../../core/controllers/node-lifecycle/heartbeats.ts';
import { startControllers } from '../../core/controllers/start.ts';
import type { Clock } from '../../core/ports.ts';
import { cachesOf, type Host } from '../host/caches.ts';
import type { Call, Decode } from '../host/event.ts';
import { type FunctionState, updateState } from '../host/function-state.ts';
import type { ReactingFunction } from '../host/reacting-function.ts';
import { Waker } from '../host/wake.ts';
import { Doorbells } from './doorbells.ts';

export interface ControllersHost extends Host {
  ca: KeyPair;
  ring(names: readonly string[]): Promise<void>;
  /** Invokes the load balancers' function, asynchronously; absent: there is none. */
  askForLoadBalancers?: (() => Promise<void>) | undefined;
  sendDelayed?: ((delaySeconds: number) => Promise<void>) | undefined;
  decode: Decode;
}

/** Between looks at the leases. */
const LOOK_EVERY_MS = 120_000;
/** A tick this late says nothing of the time between: nodes may have had none to report in. */
const LATE_MS = 90_000;

export function controllersFunction(host: ControllersHost): ReactingFunction {
  const { clock, ports, client, written, informers } = cachesOf(host, 'kube-controller-manager');
  const heartbeats = new RecordedHeartbeats();
  const controllers = startControllers({
    client,
    ports,
    informers,
    heartbeats,
    balanceWhenAsked: host.askForLoadBalancers !== undefined,
    rootCa: host.ca.certificate,
    signCertificate: signer(host.ca, clock),
  });
  // Nothing is begun before an invocation has brought the caches up to date.
  controllers.pause();
  const waker = new Waker({ name: 'controllers', store: host.store, clock, sendDelayed: host.sendDelayed });
  const doorbells = new Doorbells(informers, host.ring);
  /** Whether the tick is known to have been asked for looks. */
  let looks = false;
  /** What load balancers depended on when they were last asked for. */
  let balanced: string | undefined;

  const look = async (tickMs: number): Promise<void> => {
    const reports = heartbeats.reports();
    const state = await updateState(host.store, (standing) => {
      const record = lookedAgain(standing.heartbeats, tickMs, reports);
      if (record === standing.heartbeats) return standing;
      const { lookDueMs: _before, ...rest } = standing;
      const next: FunctionState = { ...rest, heartbeats: record };
      if (reports.size === 0) return next;
      return { ...next, lookDueMs: isSuspicious(record) ? tickMs + 1 : tickMs + LOOK_EVERY_MS };
    });
    heartbeats.record = state.heartbeats;
    looks = state.lookDueMs !== undefined;
    controllers.resync(['node-lifecycle']);
  };

  const askForLooks = async (): Promise<void> => {
    if (looks || informers.for(resources.nodes).size === 0) return;
    await updateState(host.store, (standing) =>
      standing.lookDueMs === undefined ? { ...standing, lookDueMs: 0 } : standing,
    );
    looks = true;
  };

  const askForLoadBalancers = async (): Promise<void> => {
    const services = informers.for(resources.services).list() as unknown as StoredService[];
    const depends = dependenceOf(services, informers.for(resources.nodes).list() as unknown as Stored<Node>[]);
    if (depends !== undefined && depends !== balanced) await host.askForLoadBalancers?.();
    balanced = depends;
  };

  return {
    parts: {
      clock,
      informers,
      parts: [controllers],
      written,
      // Leases change all the time and are asked for at looks; of what is kept as metadata only changes that are named matter.
      isFollowed: ({ of }, whole) => whole && of !== resources.leases,
    },
    waker,
    decode: host.decode,
    log: host.ports.log,
    onChanges: async (changes) => doorbells.told(changes),
    also: ({ look: looking, resync }) =>
      resync ? informers.all().map(({ informer }) => informer.of) : looking ? [resources.leases] : [],
    async caughtUp(call: Call) {
      doorbells.follow();
      if (call.resync) {
        controllers.resync();
        balanced = undefined;
      }
      const tickMs = Date.parse(call.tick ?? '');
      if (call.look && clock.now() - tickMs < LATE_MS) await look(tickMs);
    },
    async afterwards() {
      await Promise.all([doorbells.settled(), askForLooks(), askForLoadBalancers()]);
    },
  };
}

function signer(ca: KeyPair, clock: Clock) {
  return async ({ csrPem, usages, durationSeconds }: { csrPem: string; usages: string[]; durationSeconds: number }) => {
    const authority = { certificatePem: ca.certificate, privateKey: await importPrivateKey(ca.key) };
    return await signCertificateRequest(csrPem, { ca: authority, usages, durationSeconds, nowMs: clock.now() });
  };
}
