// From a request's bytes to the answer's: the cluster's own names from what this node knows, all others by the node's servers.
import { type Answer, decode } from 'dns-packet';
import type { Log } from '../../core/ports.ts';
import type { ClientRates } from './client-rates.ts';
import type { Forwarded, Forwarder } from './forwarder.ts';
import {
  encodeReply,
  maxTcpBytes,
  parseRequest,
  type Query,
  questionBytes,
  type Reply,
  rcodes,
  udpLimit,
} from './message.ts';
import { type AddressRange, rangeOf, reverseOctets } from './names.ts';
import { RepeatedAnswers } from './repeated.ts';
import { relay } from './upstream-answer.ts';
import { answerInZone, soaRecord, ttl, type Zone, type ZoneAnswer } from './zone.ts';

export interface ResolverDeps {
  zone: Zone;
  /** Reverse names of these addresses are the cluster's, known or not. */
  ranges: readonly AddressRange[];
  /** False until the node has seen the cluster's services: until then a name that it does not know may well exist. */
  complete(): boolean;
  forwarder: Forwarder;
  rates: ClientRates;
  /** At least 0 and less than 1. */
  random(): number;
  log: Log;
}

/** undefined: no answer at all. `client` is an address. Never throws, never rejects. */
export type Resolve = (
  message: Buffer,
  transport: 'udp' | 'tcp',
  client: string,
) => Buffer | undefined | Promise<Buffer>;

/** Aliases that follow each other within the cluster; more are a circle. */
const maxAliases = 8;

const failure: Reply = { rcode: rcodes.servFail, authoritative: false, answers: [] };

/**
 * Where nobody can be asked, the answer is SERVFAIL at once and not REFUSED: it says "not now", every resolver takes it for a
 * failure that may pass, while musl's ignores a REFUSED and waits.
 */
export function createResolver(deps: ResolverDeps): Resolve {
  const repeated = new RepeatedAnswers(deps.zone.objects);
  const resolve: Resolve = (message, transport, client) => {
    if (!deps.rates.take(client)) return undefined;
    const again = repeated.get(message, transport);
    if (again) return again;
    const request = parseRequest(message);
    if (request.kind === 'silence') return undefined;
    if (request.kind === 'refused') return request.reply;
    const { query } = request;
    const limit = transport === 'udp' ? udpLimit(query) : maxTcpBytes;
    const own = ownAnswer(deps, query, client);
    const encode = (reply: Reply): Buffer => encodeReply(query, reply, limit);
    // an answer from outside may hold what cannot be written again
    if (own instanceof Promise) return own.then(encode).catch(() => encode(failure));
    if (own) {
      const reply = encode(own);
      // what is shuffled is shuffled each time; a failure may pass without any change of a service
      if (own.rcode !== rcodes.servFail && own.answers.length <= 1) repeated.set(message, transport, reply);
      return reply;
    }
    const { edns, question, checkingDisabled } = query;
    const forwarded = deps.forwarder.ask({ question, checkingDisabled, dnssecOk: edns?.dnssecOk ?? false }, client);
    const pass = (found: Forwarded | undefined): Buffer =>
      found ? relay(query, found.answer, found.ageSeconds, limit) : encode(failure);
    return forwarded instanceof Promise ? forwarded.then(pass) : pass(forwarded);
  };
  return (message, transport, client) => {
    try {
      return resolve(message, transport, client);
    } catch (error) {
      // a fault of ours about one question must not take the agent down
      deps.log('error', 'a DNS question was not answered', { error: (error as Error).stack });
      return undefined;
    }
  };
}

/** undefined: the question is not about the cluster. */
function ownAnswer(deps: ResolverDeps, query: Query, client: string): Reply | undefined | Promise<Reply> {
  const inZone = answerInZone(deps.zone, query.name, query.type);
  if (!inZone) return reverseAnswer(deps, query);
  if (!deps.complete()) return failure;
  if (inZone.target !== undefined) return followed(deps, query, client, inZone);
  return zoneReply(deps, inZone, soaRecord(deps.zone.domain));
}

function zoneReply({ random }: ResolverDeps, { exists, records }: ZoneAnswer, soa: Answer): Reply {
  const rcode = exists ? rcodes.noError : rcodes.nxDomain;
  const authorities = records.length === 0 ? [soa] : [];
  return { rcode, authoritative: true, answers: shuffled(records, random), authorities };
}

/** Clients take the first address: each gets another. */
function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const mixed = [...list];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!];
  }
  return mixed;
}

/** Names that the cluster gave to an address, also outside its ranges; within them nobody else is asked. */
function reverseAnswer(deps: ResolverDeps, query: Query): Reply | undefined {
  const octets = reverseOctets(query.name);
  if (!octets) return undefined;
  const { zone, ranges } = deps;
  const range = rangeOf(ranges, octets);
  const names = octets.length === 4 ? zone.index.namesOf(octets.join('.')) : [];
  if (!range && names.length === 0) return undefined;
  if (range && !deps.complete()) return failure;
  const records = names.map(
    (name): Answer => ({ type: 'PTR', name: query.name, class: 'IN', ttl, data: `${name}.${zone.domain}` }),
  );
  const exists = octets.length < 4 || names.length > 0;
  const found = { exists, records: query.type === 'PTR' ? records : [] };
  return zoneReply(deps, found, soaRecord(zone.domain, range?.zone ?? zone.domain));
}

/** The chain behind an alias: in the cluster as far as it leads there, then by one question to the node's servers. */
function followed(deps: ResolverDeps, query: Query, client: string, first: ZoneAnswer): Reply | Promise<Reply> {
  const chain = [...first.records];
  let next = first.target ?? '';
  for (let length = 0; length < maxAliases; length++) {
    const found = answerInZone(deps.zone, next, query.type);
    if (!found) return followedOutside(deps, query, client, chain, next);
    if (found.target === undefined) {
      const reply = zoneReply(deps, found, soaRecord(deps.zone.domain));
      return { ...reply, answers: [...chain, ...reply.answers] };
    }
    chain.push(...found.records);
    next = found.target;
  }
  return { ...failure, answers: chain };
}

const aged = (record: Answer, { ageSeconds }: Forwarded): Answer =>
  'ttl' in record ? { ...record, ttl: Math.max(0, (record.ttl ?? 0) - Math.floor(ageSeconds)) } : record;

async function followedOutside(
  deps: ResolverDeps,
  query: Query,
  client: string,
  chain: Answer[],
  target: string,
): Promise<Reply> {
  const { checkingDisabled } = query;
  try {
    const question = questionBytes(target, query.type);
    const found = await deps.forwarder.ask({ question, checkingDisabled, dnssecOk: false }, client);
    if (!found) return { ...failure, answers: chain };
    const wanted = ({ type }: Answer): boolean => type === query.type || type === 'CNAME';
    const answers = (decode(found.answer.bytes).answers ?? []).filter(wanted).map((record) => aged(record, found));
    return { rcode: found.answer.rcode, authoritative: false, answers: [...chain, ...answers] };
  } catch {
    // a type that cannot be written, an answer that cannot be read
    return { ...failure, answers: chain };
  }
}
