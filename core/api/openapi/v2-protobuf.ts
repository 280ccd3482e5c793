// The OpenAPI 2 document as protobuf, which Go clients ask for first (gnostic's openapi.v2.Document).
// Field numbers: https://github.com/google/gnostic-models (openapiv2/OpenAPIv2.proto)
import protobuf from 'protobufjs/minimal.js';
import type { Json } from './schemas.ts';

type Writer = protobuf.Writer;
type WriteInner = (writer: Writer) => void;

const tag = (id: number, wireType: number): number => ((id << 3) | wireType) >>> 0;

function message(writer: Writer, id: number, write: WriteInner): void {
  writer.uint32(tag(id, 2)).fork();
  write(writer);
  writer.ldelim();
}

function text(writer: Writer, id: number, value: unknown): void {
  if (typeof value === 'string' && value !== '') writer.uint32(tag(id, 2)).string(value);
}

function texts(writer: Writer, id: number, values: unknown): void {
  for (const value of Array.isArray(values) ? values : []) writer.uint32(tag(id, 2)).string(String(value));
}

function flag(writer: Writer, id: number, value: unknown): void {
  if (value === true) writer.uint32(tag(id, 0)).bool(true);
}

/** Any value, as the YAML that JSON is. */
const any =
  (value: unknown): WriteInner =>
  (writer) =>
    text(writer, 2, JSON.stringify(value));

function extensions(writer: Writer, id: number, of: Json): void {
  for (const [name, value] of Object.entries(of)) {
    if (!name.startsWith('x-')) continue;
    message(writer, id, (named) => {
      text(named, 1, name);
      message(named, 2, any(value));
    });
  }
}

/** Names with what they name: paths, definitions, properties, responses. */
function named(writer: Writer, id: number, entries: unknown, write: (writer: Writer, value: Json) => void): void {
  for (const [name, value] of Object.entries((entries ?? {}) as Record<string, Json>)) {
    message(writer, id, (inner) => {
      text(inner, 1, name);
      message(inner, 2, (valueWriter) => write(valueWriter, value));
    });
  }
}

function schema(writer: Writer, value: Json): void {
  text(writer, 1, value['$ref']);
  text(writer, 2, value['format']);
  if (value['default'] !== undefined) message(writer, 5, any(value['default']));
  texts(writer, 19, value['required']);
  for (const item of (value['enum'] as unknown[] | undefined) ?? []) message(writer, 20, any(item));
  const additional = value['additionalProperties'];
  if (typeof additional === 'object' && additional !== null) {
    message(writer, 21, (item) => message(item, 1, (inner) => schema(inner, additional as Json)));
  }
  if (value['type'] !== undefined) message(writer, 22, (inner) => texts(inner, 1, [value['type']]));
  const items = value['items'];
  if (items !== undefined) message(writer, 23, (list) => message(list, 1, (inner) => schema(inner, items as Json)));
  if (value['properties'] !== undefined) message(writer, 25, (inner) => named(inner, 1, value['properties'], schema));
  extensions(writer, 31, value);
}

/** In a body, in the query or in the path. */
function parameter(writer: Writer, value: Json): void {
  message(writer, 1, (item) => {
    if (value['in'] === 'body') {
      message(item, 1, (body) => {
        text(body, 2, value['name']);
        text(body, 3, 'body');
        flag(body, 4, value['required']);
        message(body, 5, (inner) => schema(inner, value['schema'] as Json));
      });
      return;
    }
    const inPath = value['in'] === 'path';
    message(item, 2, (other) =>
      message(other, inPath ? 4 : 3, (inner) => {
        flag(inner, 1, value['required']);
        text(inner, 2, value['in']);
        text(inner, 4, value['name']);
        text(inner, inPath ? 5 : 6, value['type']);
        flag(inner, inPath ? 19 : 20, value['uniqueItems']);
      }),
    );
  });
}

function parameters(writer: Writer, id: number, values: unknown): void {
  for (const value of (values as Json[] | undefined) ?? []) message(writer, id, (inner) => parameter(inner, value));
}

function response(writer: Writer, value: Json): void {
  message(writer, 1, (inner) => {
    text(inner, 1, value['description']);
    const body = value['schema'];
    if (body !== undefined) message(inner, 2, (item) => message(item, 1, (of) => schema(of, body as Json)));
  });
}

function operation(writer: Writer, value: Json): void {
  texts(writer, 1, value['tags']);
  text(writer, 5, value['operationId']);
  texts(writer, 6, value['produces']);
  texts(writer, 7, value['consumes']);
  parameters(writer, 8, value['parameters']);
  message(writer, 9, (inner) => named(inner, 1, value['responses'], response));
  texts(writer, 10, value['schemes']);
  extensions(writer, 13, value);
}

const methods: readonly (readonly [string, number])[] = [
  ['get', 2],
  ['put', 3],
  ['post', 4],
  ['delete', 5],
  ['patch', 8],
];

function pathItem(writer: Writer, value: Json): void {
  for (const [method, id] of methods) {
    const found = value[method];
    if (found !== undefined) message(writer, id, (inner) => operation(inner, found as Json));
  }
  parameters(writer, 9, value['parameters']);
}

/** `document`: what openapiV2 gave. */
export function openapiV2Protobuf(document: Json): Uint8Array {
  const writer = protobuf.Writer.create();
  const info = document['info'] as Json;
  text(writer, 1, document['swagger']);
  message(writer, 2, (inner) => {
    text(inner, 1, info['title']);
    text(inner, 2, info['version']);
  });
  message(writer, 8, (inner) => named(inner, 2, document['paths'], pathItem));
  message(writer, 9, (inner) => named(inner, 1, document['definitions'], schema));
  return writer.finish();
}

/** How it is asked for (the first is the older spelling), and how it is answered. */
export const openapiV2ProtobufTypes = [
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
  'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
] as const;
