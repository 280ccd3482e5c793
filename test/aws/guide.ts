// The commands that docs/aws.md and README.md tell their readers to give, read out of these pages: what a test runs is what is
// written there. A page's blocks are indented by four spaces; a remark stands behind a command, after two spaces and `#`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../emulator/emulator.ts';

/** ▸ is run by the tests of test/aws; ▹ is not, since no emulator has what it needs. */
type Mark = '▸' | '▹';

export interface GuideCommand {
  /** `docs/aws.md:17` */
  at: string;
  /** The heading that it stands under. */
  section: string;
  /** As it is written, without the remark. */
  text: string;
  mark?: Mark;
  /** What the remark says behind its mark. */
  remark: string;
}

const programs = /^(?:aws|cdk|curl|docker|git|journalctl|kubectl|node|npm|npx|slipway|sudo) /;

const readPage = (page: string): string => readFileSync(join(root, page), 'utf8');

/** Every command of a page that is in the repository, in order. */
export const commandsOf = (page: string): GuideCommand[] => commandsIn(readPage(page), page);

export function commandsIn(text: string, page: string): GuideCommand[] {
  const found: GuideCommand[] = [];
  let section = '';
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('#')) section = line.replace(/^#+ /, '');
    const [, command = '', behind = ''] = /^ {4}(.*?)(?:\s{2,}#\s*(.*))?$/.exec(line) ?? [];
    if (!programs.test(`${command} `)) continue;
    const [, mark, remark = ''] = /^([▸▹])?\s*(.*)$/.exec(behind)!;
    found.push({ at: `${page}:${index + 1}`, section, text: command.trim(), mark: mark as Mark | undefined, remark });
  }
  return found;
}

/** The block of a page that shows an object of this kind. Throws an Error when it shows none. */
export function fileOf(page: string, kind: string): string {
  const blocks = readPage(page)
    .split(/\n(?! {4}|\n)/)
    .map((part) => part.slice(part.search(/^ {4}/m)))
    .filter((part) => part.includes(`    kind: ${kind}\n`));
  if (blocks.length !== 1) throw new Error(`${page} shows ${blocks.length} objects of kind ${kind}`);
  return blocks[0]!
    .split('\n')
    .map((line) => line.slice(4))
    .join('\n');
}
