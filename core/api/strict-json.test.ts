import assert from 'node:assert/strict';
import test from 'node:test';
import { JsonError, parseJson, parseYaml, YamlError } from './strict-json.ts';

test('a body that is not JSON is refused in the words of Go', () => {
  const refused: Record<string, string> = {
    '': 'unexpected end of JSON input',
    '{"a":1,}': "invalid character '}' looking for beginning of object key string",
    '[1 2]': "invalid character '2' after array element",
    '{"a" 1}': "invalid character '1' after object key",
    '{"a":1}}': "invalid character '}' after top-level value",
    '"\n"': "invalid character '\\n' in string literal",
    nope: "invalid character 'o' in literal null (expecting 'u')",
    "'x'": "invalid character '\\'' looking for beginning of value",
  };
  for (const [text, message] of Object.entries(refused))
    assert.throws(() => parseJson(text), { name: 'JsonError', message }, text);
});

test('a repeated key is found wherever it stands, and the last value wins', () => {
  const plain = parseJson('{"a":{"b:":":\\":"},"c":[{"a":1},{"a":2}]}');
  assert.equal(plain.repeated, undefined);
  const { value, repeated } = parseJson('{"a":1,"b":[{"c":1,"c":{"d":2}}],"a":3}');
  assert.deepEqual(value, { a: 3, b: [{ c: { d: 2 } }] });
  assert.deepEqual(
    [...repeated!.values()].map((entries) => entries.map(([key]) => key)),
    [
      ['c', 'c'],
      ['a', 'b', 'a'],
    ],
  );
});

test('a body nested without end is refused and not overflowed on', () => {
  assert.throws(() => parseJson('['.repeat(200_000)), JsonError);
  assert.throws(
    () => parseJson(`${'['.repeat(1_001)}${']'.repeat(1_001)}`.replace('[]', '[{"a":1,"a":2}]')),
    JsonError,
  );
});

test('YAML is read as JSON could say it; repeated keys are told', () => {
  assert.deepEqual(parseYaml('a: 1\nb: [x, "y"]\n'), { value: { a: 1, b: ['x', 'y'] }, repeated: [] });
  assert.deepEqual(parseYaml('a: 1\na: 2\n'), { value: { a: 2 }, repeated: ['line 2: key "a" already set in map'] });
  assert.deepEqual(parseYaml('a: yes\nb: 0644\nc: 2020-01-01\nd: ~\ne: 1.5\nf: "yes"').value, {
    a: true,
    b: 420,
    c: '2020-01-01',
    d: null,
    e: 1.5,
    f: 'yes',
  });
  const laughs = [...'abcdefghi']
    .map((k, i, all) => `${k}: &${k} [${i ? Array(9).fill(`*${all[i - 1]}`) : '1'}]`)
    .join('\n');
  assert.throws(() => parseYaml(laughs), YamlError);
  assert.throws(() => parseYaml(`${'['.repeat(1_500)}${']'.repeat(1_500)}`), YamlError);
  assert.throws(() => parseYaml('a: ['), {
    name: 'YamlError',
    message: 'yaml: line 1: did not find expected node content',
  });
});

test('mutated texts are read or refused, and nothing else happens', () => {
  let state = 7;
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % below;
  };
  const source = '{"a":{"b":[1,-2.5e3,true,null,"x\\u0041\\n"],"é":{}},"c":"y"}';
  const signs = '{}[]",:\\0-+.eEtn \t\n\u0000é&*!|>%@`#';
  for (let i = 0; i < 5000; i++) {
    let text = source;
    for (let n = next(4); n >= 0; n--) {
      const at = next(text.length);
      text = text.slice(0, at) + (next(3) === 0 ? '' : signs[next(signs.length)]) + text.slice(at + next(2));
    }
    try {
      assert.deepEqual(parseJson(text).value, JSON.parse(text));
    } catch (error) {
      assert.ok(error instanceof JsonError, `${text}\n${(error as Error).stack}`);
      assert.throws(() => JSON.parse(text));
    }
    try {
      parseYaml(text);
    } catch (error) {
      assert.ok(error instanceof YamlError, `${text}\n${(error as Error).stack}`);
    }
  }
});
