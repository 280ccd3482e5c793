// The token that the pages of one list hand on: the revision that they show, and the last object shown.
// The form is kube-apiserver's, which clients are told not to read.
import { badRequest, StatusError } from '../api/errors.ts';
import type { ObjectKey } from '../api/objects.ts';
import type { Status } from '../api/types.gen.ts';

export interface Continuation {
  /** undefined: go on at the newest revision, inconsistently with the pages before. */
  revision: number | undefined;
  after: ObjectKey;
}

const version = 'meta.k8s.io/v1';
const newest = -1;

const toBase64Url = (text: string): string => {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
};

/** One character for each byte, which is all that a token's ASCII needs. */
const fromBase64Url = (text: string): string => atob(text.replaceAll('-', '+').replaceAll('_', '/'));

export function encodeContinue({ revision, after }: Continuation): string {
  const start = `${after.namespace ? `${after.namespace}/` : ''}${after.name}\u0000`;
  return toBase64Url(JSON.stringify({ v: version, rv: revision ?? newest, start }));
}

const refuse = (why: string): StatusError => badRequest(`invalid continue token: continue key is not valid: ${why}`);

interface Data {
  v?: unknown;
  rv?: unknown;
  start?: unknown;
}

/** Throws BadRequest in the words of Go's decoder. */
function parsed(token: string): Data {
  let text = '';
  try {
    text = fromBase64Url(token);
    return JSON.parse(text) as Data;
  } catch (error) {
    if (text === '') throw refuse(error instanceof Error ? error.message : '');
    const first = text.charCodeAt(0);
    const shown = first < 0x20 || first > 0x7e ? `\\u${first.toString(16).padStart(4, '0')}` : text[0];
    const where = text.startsWith('{') ? 'in token' : 'looking for beginning of value';
    throw refuse(`invalid character '${shown}' ${where}`);
  }
}

/** `namespaced`: keys hold a namespace. Throws BadRequest. */
export function decodeContinue(token: string, namespaced: boolean): Continuation {
  const data = parsed(token);
  if (typeof data !== 'object' || data === null || data.v !== version) {
    throw refuse(`server does not recognize this encoded version ${String(data?.v ?? '')}`);
  }
  const { rv, start } = data;
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0) {
    throw refuse(`incorrect encoded start resourceVersion (version ${version})`);
  }
  if (typeof start !== 'string' || start === '') throw refuse(`encoded start key empty (version ${version})`);
  const key = (start.endsWith('\u0000') ? start.slice(0, -1) : start).split('/');
  if (key.length !== (namespaced ? 2 : 1) || key.some((part) => part === '' || part === '.' || part === '..'))
    throw refuse(start);
  return {
    revision: rv < 0 ? undefined : rv,
    after: namespaced ? { namespace: key[0]!, name: key[1]! } : { namespace: '', name: key[0]! },
  };
}

/** 410 for a list whose revision is gone, with the token that goes on at the newest one. */
export class ContinueExpired extends StatusError {
  readonly token: string;

  constructor(token: string) {
    super(
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    );
    this.token = token;
  }

  override toStatus(): Status {
    return { ...super.toStatus(), metadata: { continue: this.token } };
  }
}
