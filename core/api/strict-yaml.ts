// YAML request bodies, for clients that send them; kubectl turns YAML into JSON itself.
import {
  boolYaml11Tag,
  floatYaml11Tag,
  intYaml11Tag,
  load,
  mapTag,
  mergeTag,
  nullYaml11Tag,
  Schema,
  seqTag,
  strTag,
  YAMLException,
} from 'js-yaml';
import { maxDepth, tooDeep } from './json-scanner.ts';

/** YAML 1.1, as the parser of kube-apiserver reads it (`yes` is true, 0644 is octal), with times as strings. */
const schema = new Schema([
  strTag,
  seqTag,
  mapTag,
  nullYaml11Tag,
  boolYaml11Tag,
  intYaml11Tag,
  floatYaml11Tag,
  mergeTag,
]);

/** Not YAML; the message begins with `yaml: `. */
export class YamlError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'YamlError';
  }
}

export interface ParsedYaml {
  value: unknown;
  /** `line 3: key "a" already set in map`: repeated keys, which the last value wins. */
  repeated: string[];
}

/** A YAML body of one document, which may be JSON. An empty one is null. Throws YamlError. */
export function parseYaml(text: string): ParsedYaml {
  if (text.trim() === '') return { value: null, repeated: [] };
  try {
    return { value: plain(load(text, { schema })), repeated: [] };
  } catch (error) {
    if (error instanceof RangeError) throw new YamlError(`yaml: ${tooDeep}`);
    if (!(error instanceof YAMLException)) throw error;
    if (!/duplicated mapping key/.test(error.message)) throw yamlError(error);
    return withRepeatedKeys(text, error);
  }
}

/** Where the parser of kube-apiserver has other words for it. */
const yamlReasons: Readonly<Record<string, string>> = {
  'unexpected end of the stream within a flow collection': 'did not find expected node content',
};

const yamlError = (error: YAMLException): YamlError =>
  new YamlError(`yaml: line ${(error.mark?.line ?? 0) + 1}: ${yamlReasons[error.reason] ?? error.reason}`);

function withRepeatedKeys(text: string, first: YAMLException): ParsedYaml {
  const line = (first.mark?.line ?? 0) + 1;
  const key = /^\s*(?:-\s+)*["']?([^"':]*)/.exec(text.split('\n')[line - 1] ?? '')?.[1] ?? '';
  try {
    const value = plain(load(text, { schema, json: true }));
    return { value, repeated: [`line ${line}: key ${JSON.stringify(key)} already set in map`] };
  } catch (error) {
    if (error instanceof YAMLException) throw yamlError(error);
    throw error;
  }
}

/** Aliases may make a small text a huge value. */
const maxYamlValues = 1_000_000;

/** What JSON could have said, of bounded size and depth. Throws YamlError. */
function plain(root: unknown): unknown {
  let values = 0;
  const todo: [unknown, number][] = [[root, 1]];
  while (todo.length > 0) {
    const [value, depth] = todo.pop()!;
    if (depth > maxDepth) throw new YamlError(`yaml: ${tooDeep}`);
    if (++values > maxYamlValues) throw new YamlError('yaml: document contains excessive aliasing');
    if (typeof value === 'number' && !Number.isFinite(value)) throw new YamlError(`yaml: unsupported value: ${value}`);
    if (typeof value === 'object' && value !== null)
      for (const item of Object.values(value)) todo.push([item, depth + 1]);
  }
  return root ?? null;
}
