// The pages that the story follows: every command of theirs is marked, and what is put in for their examples is known and needed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readmeCommands } from './chapters/neighbours.ts';
import { commandsIn, commandsOf, fileOf, type GuideCommand } from './guide.ts';
import { argumentsOf } from './person.ts';
import { leftToPutIn, ofGuide, ofReadme, type Substitution, substituted } from './substitutions.ts';
import { guide, guideCommands } from './tale.ts';

const reader = { folder: '/home/ann', pushes: true };
const files = [fileOf(guide, 'Deployment'), fileOf(guide, 'ConfigMap')];
/** A section whose commands start an emulator themselves. */
const elsewhere = 'Without an account';

test('commands are read with their marks, sections and remarks, and nothing else is', () => {
  const page = [
    '# A',
    '',
    'npx no',
    '',
    '    npx cdk x -c a=b      # ▸ once',
    '    kind: X',
    '    git pull  # ▹ net',
    '## B',
    '    npm run y',
  ];
  assert.deepEqual(commandsIn(page.join('\n'), 'p.md'), [
    { at: 'p.md:5', section: 'A', text: 'npx cdk x -c a=b', mark: '▸', remark: 'once' },
    { at: 'p.md:7', section: 'A', text: 'git pull', mark: '▹', remark: 'net' },
    { at: 'p.md:9', section: 'B', text: 'npm run y', mark: undefined, remark: '' },
  ] satisfies GuideCommand[]);
});

test('every command of the guide is run, or says what it needs that no emulator has', () => {
  const all = commandsOf(guide).filter(({ section }) => section !== elsewhere);
  assert.deepEqual(
    all.filter(({ mark, remark }) => mark === undefined || (mark === '▹' && remark === '')),
    [],
  );
  assert.ok(guideCommands.length >= 14);
  assert.ok(readmeCommands.length >= 4);
});

function assertComplete(texts: readonly string[], table: readonly Substitution[]): void {
  for (const { from } of table)
    assert.ok(
      texts.some((text) => text.includes(from)),
      `nothing says "${from}"`,
    );
  for (const text of texts) assert.deepEqual(leftToPutIn(substituted(text, table)), [], text);
}

test('what is put in for the examples of the pages is complete, and all of it is needed', () => {
  const commands = guideCommands.map(({ text }) => text);
  assertComplete([...commands, ...files], ofGuide(guideCommands, reader));
  assertComplete([...commands, ...files], ofGuide(guideCommands, { ...reader, pushes: false }));
  assertComplete(
    readmeCommands.map(({ text }) => text),
    ofReadme('shop-two', 'arn:aws:iam::000000000000:role/Admin', reader),
  );
});

test('no command needs a shell, or a program that is not there', () => {
  for (const { text } of [...guideCommands, ...readmeCommands]) assert.ok(argumentsOf(text).length > 1);
});

test('an example that nobody knows is seen', () => {
  assert.deepEqual(
    leftToPutIn('npx cdk deploy -c stack=NAME -c vpc=... -c adminRole=arn:aws:iam::444455556666:role/x'),
    ['NAME', '...', '444455556666'],
  );
  assert.deepEqual(leftToPutIn('npx slipway kubeconfig --region eu-central-1'), ['eu-central-1']);
});
