// A machine whose firewall refuses what it does not know (ufw, firewalld, Docker, rules by hand) would keep nodes from the control
// plane, and what a way out forwards from leaving. Rules of a cluster's own table cannot help: a packet must pass every table. So an
// opening for the cluster's link, and for no more than it needs, is put in front of each chain that refuses anything, and taken away
// with the cluster.
import { run, runOrFail } from '../run.ts';
import type { AddressPlan } from './addresses.ts';
import { hostLink } from './topology.ts';

export interface Opening {
  /** Unique in the cluster. */
  name: string;
  hook: 'input' | 'forward';
  iptables: string;
  nft: string;
}

/** From nodes to a TCP port of the machine's address in their network. */
export function toMachine(name: string, plan: AddressPlan, port: number): Opening {
  const link = hostLink(plan);
  return {
    name,
    hook: 'input',
    iptables: `-i ${link} -d ${plan.gateway}/32 -p tcp -m tcp --dport ${port}`,
    nft: `iifname "${link}" ip daddr ${plan.gateway} tcp dport ${port}`,
  };
}

/** From nodes to elsewhere, and what comes back. */
export function wayOut(plan: AddressPlan): Opening[] {
  const link = hostLink(plan);
  return [
    { name: 'way-out', hook: 'forward', iptables: `-i ${link}`, nft: `iifname "${link}"` },
    {
      name: 'way-back',
      hook: 'forward',
      iptables: `-o ${link} -m conntrack --ctstate RELATED,ESTABLISHED`,
      nft: `oifname "${link}" ct state related,established`,
    },
  ];
}

/** What `nft -j list ruleset` prints, as far as it matters here (libnftables-json(5)). */
export interface Ruleset {
  nftables: {
    chain?: { family: string; table: string; name: string; type?: string; hook?: string; policy?: string };
    rule?: { family: string; table: string; chain: string; handle: number; comment?: string };
  }[];
}

const comment = (owner: string, { name }: Opening): string => `${owner}/${name}`;

/** iptables may be a front of nftables. Its rules are its own to write: of others it may not understand a word. */
const isOfIptables = (family: string, table: string, chain: string): boolean =>
  family === 'ip' && table === 'filter' && chain === chain.toUpperCase();

/** Lines for `nft` that open what is not open yet. Chains that refuse nothing are left alone. */
export function nftOpenings(owner: string, openings: readonly Opening[], { nftables }: Ruleset): string[] {
  const rules = nftables.flatMap(({ rule }) => rule ?? []);
  return nftables.flatMap(({ chain }) => {
    if (chain?.type !== 'filter' || !['ip', 'inet'].includes(chain.family)) return [];
    const { family, table, name } = chain;
    if (isOfIptables(family, table, name)) return [];
    const own = rules.filter((rule) => rule.family === family && rule.table === table && rule.chain === name);
    if (chain.policy !== 'drop' && own.length === 0) return [];
    return openings
      .filter((one) => one.hook === chain.hook && !own.some((rule) => rule.comment === comment(owner, one)))
      .map((one) => `insert rule ${family} ${table} ${name} ${one.nft} accept comment "${comment(owner, one)}"`);
  });
}

export const nftClosings = (prefix: string, { nftables }: Ruleset): string[] =>
  nftables.flatMap(({ rule }) =>
    rule?.comment?.startsWith(prefix) && !isOfIptables(rule.family, rule.table, rule.chain)
      ? [`delete rule ${rule.family} ${rule.table} ${rule.chain} handle ${rule.handle}`]
      : [],
  );

/** Lines for `iptables-restore --noflush`, from what `iptables -S` prints. */
export function iptablesOpenings(owner: string, openings: readonly Opening[], rules: string): string[] {
  return openings.flatMap((one) => {
    const chain = one.hook.toUpperCase();
    const refuses = rules.includes(`-P ${chain} DROP`) || rules.includes(`-A ${chain} `);
    if (!refuses || rules.includes(`"${comment(owner, one)}"`)) return [];
    return [`-I ${chain} ${one.iptables} -m comment --comment "${comment(owner, one)}" -j ACCEPT`];
  });
}

export const iptablesClosings = (prefix: string, rules: string): string[] =>
  rules
    .split('\n')
    .filter((line) => line.startsWith('-A ') && line.includes(`--comment "${prefix}`))
    .map((line) => line.replace('-A ', '-D '));

/**
 * Those that are there stay as they are.
 * @param owner of the openings: the cluster's prefix of names
 * @returns the names of those that were missing
 */
export async function openFirewall(owner: string, openings: readonly Opening[]): Promise<string[]> {
  const made = await change(
    (rules) => iptablesOpenings(owner, openings, rules),
    (ruleset) => nftOpenings(owner, openings, ruleset),
  );
  return openings
    .filter((one) => made.some((line) => line.includes(`"${comment(owner, one)}"`)))
    .map(({ name }) => name);
}

/** @param prefix `OWNER/`: all that are the owner's; `OWNER/way-`: the way out */
export async function closeFirewall(prefix: string): Promise<void> {
  await change(
    (rules) => iptablesClosings(prefix, rules),
    (ruleset) => nftClosings(prefix, ruleset),
  );
}

/** Returns the lines that were needed. */
async function change(iptables: (rules: string) => string[], nft: (ruleset: Ruleset) => string[]): Promise<string[]> {
  return (await Promise.all([changeIptables(iptables), changeNft(nft)])).flat();
}

async function changeIptables(lines: (rules: string) => string[]): Promise<string[]> {
  // It fails where the kernel has none of what it works with: then it refuses nothing either.
  const { code, stdout } = await run('iptables', ['-w', '-S']);
  const changes = code === 0 ? lines(stdout) : [];
  if (changes.length === 0) return [];
  const input = ['*filter', ...changes, 'COMMIT', ''].join('\n');
  await runOrFail('iptables-restore', ['-w', '--noflush'], { input });
  return changes;
}

async function changeNft(lines: (ruleset: Ruleset) => string[]): Promise<string[]> {
  const changes = lines(JSON.parse(await runOrFail('nft', ['-j', 'list', 'ruleset'])) as Ruleset);
  if (changes.length > 0) await runOrFail('nft', [changes.join('\n')]);
  return changes;
}
