// Quantities, selectors, names and quoting against answers recorded from apimachinery 0.36.3.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { goQuote } from './field-errors.ts';
import { formatFieldSelector, parseFieldSelector } from './field-selectors.ts';
import * as names from './names.ts';
import * as quantity from './quantity.ts';
import {
  formatSelector,
  labelSelectorMatches,
  matchesLabels,
  parseLabelSelector,
  validateLabelSelector,
} from './selectors.ts';

interface Recorded {
  quantities: { In: string; Out: string; Err: string; Value: string; Milli: string }[];
  sums: [string, string, string, string, string][];
  labels: [string, string, string, string?][];
  fields: [string, string, string][];
  names: Record<string, Record<string, string[]>>;
  quotes: Record<string, string>;
}

const recorded = JSON.parse(
  readFileSync(new URL('../../test/golden/facts/apimachinery.json', import.meta.url), 'utf8'),
) as Recorded;
const outcome = (make: () => string): [string, string] => {
  try {
    return [make(), ''];
  } catch (error) {
    return ['', (error as Error).message];
  }
};

test('quantities parse, round and print as apimachinery does', () => {
  for (const { In: text, Out, Err, Value, Milli } of recorded.quantities) {
    if (/^\+?[0-9.]*000E$/.test(text)) continue; // beyond E the reference drops the suffix and with it the amount
    assert.deepEqual(
      outcome(() => quantity.canonicalQuantity(text)),
      [Out, Err],
      text,
    );
    // The reference overflows and loses the sign of values that do not fit; those are capped here.
    if (Err || text.startsWith('-') || quantity.scaledValue(text, -3) >= 2n ** 62n) continue;
    assert.equal(quantity.scaledValue(text, 0).toString(), Value, text);
    assert.equal(quantity.scaledValue(text, -3).toString(), Milli, text);
  }
});

test('quantities compare, add and subtract as apimachinery does', () => {
  for (const [a, b, order, sum, difference] of recorded.sums) {
    assert.equal(quantity.compareQuantities(a, b), Number(order), `${a} <=> ${b}`);
    assert.equal(quantity.formatQuantity(quantity.addQuantities(a, b)), sum, `${a} + ${b}`);
    assert.equal(quantity.formatQuantity(quantity.subtractQuantities(a, b)), difference, `${a} - ${b}`);
  }
});

test('a huge exponent costs nothing and overflows into the largest int64', () => {
  assert.equal(quantity.compareQuantities('1e2000000000', '1e1999999999'), 1);
  assert.equal(quantity.scaledValue('1e2000000000', 0), 2n ** 63n - 1n);
  assert.equal(quantity.formatQuantity(quantity.addQuantities('1e2000000000', '1')), '100e1999999998');
  assert.equal(quantity.canonicalQuantity('1000E'), '1e21');
});

test('label selectors parse, print, match and refuse as apimachinery does', () => {
  const objects = [{}, { a: 'b' }, { a: 'a', b: '1' }, { app: '5', 'x.io/y': 'in' }, { in: '', b: '' }] as Record<
    string,
    string
  >[];
  for (const [text, printed, message, matches] of recorded.labels) {
    assert.deepEqual(
      outcome(() => formatSelector(parseLabelSelector(text))),
      [printed, message],
      text,
    );
    if (message) continue;
    const selector = parseLabelSelector(text);
    assert.equal(objects.map((labels) => (matchesLabels(selector, labels) ? '1' : '0')).join(''), matches, text);
  }
});

test('field selectors parse, escape and refuse as apimachinery does', () => {
  for (const [text, printed, message] of recorded.fields) {
    assert.deepEqual(
      outcome(() => formatFieldSelector(parseFieldSelector(text))),
      [printed, message],
      text,
    );
  }
});

test('names of every sort are judged in the words of apimachinery', () => {
  const rules = names as unknown as Record<string, (value: string) => string[]>;
  for (const [rule, cases] of Object.entries(recorded.names)) {
    for (const [value, messages] of Object.entries(cases))
      assert.deepEqual(rules[rule]!(value), messages, `${rule}(${value})`);
  }
  assert.deepEqual(names.prefixOf(names.dns1123Label)('web-'), []);
  assert.deepEqual(names.portNumber(0), ['must be between 1 and 65535, inclusive']);
});

test('strings are quoted as Go quotes them', () => {
  for (const [text, quoted] of Object.entries(recorded.quotes)) assert.equal(goQuote(text), quoted);
});

test('a label selector object selects by all of its parts, and nothing when it is absent or wrong', () => {
  const selector = {
    matchLabels: { app: 'web' },
    matchExpressions: [{ key: 'tier', operator: 'NotIn' as const, values: ['db'] }],
  };
  assert.equal(labelSelectorMatches(selector, { app: 'web' }), true);
  assert.equal(labelSelectorMatches(selector, { app: 'web', tier: 'db' }), false);
  assert.equal(labelSelectorMatches({}, undefined), true);
  assert.equal(labelSelectorMatches(undefined, { app: 'web' }), false);
  assert.equal(labelSelectorMatches({ matchExpressions: [{ key: 'a', operator: 'Like' as 'In' }] }, {}), false);
});

test('a wrong label selector object is reported with the path of each finding', () => {
  const findings = validateLabelSelector(
    {
      matchLabels: { 'bad key': 'x' },
      matchExpressions: [
        { key: 'a', operator: 'In' },
        { key: 'a', operator: 'Exists', values: ['b'] },
        { key: 'a', operator: 'Like' as 'In' },
      ],
    },
    'spec.selector',
  );
  assert.deepEqual(
    findings.map((f) => [f.field, f.reason]),
    [
      ['spec.selector.matchLabels', 'FieldValueInvalid'],
      ['spec.selector.matchExpressions[0].values', 'FieldValueRequired'],
      ['spec.selector.matchExpressions[1].values', 'FieldValueForbidden'],
      ['spec.selector.matchExpressions[2].operator', 'FieldValueInvalid'],
    ],
  );
});

test('a long text that is nearly a quantity costs no longer than its length', () => {
  const long = 200_000;
  for (const text of [`${'0'.repeat(long)}!`, `${'1'.repeat(long)}!`, `${'0'.repeat(long)}1x`]) {
    assert.throws(() => quantity.parseQuantity(text), quantity.QuantityError);
  }
  const spread = `1${'0'.repeat(long)}1`;
  assert.equal(quantity.canonicalQuantity(spread), spread);
});
