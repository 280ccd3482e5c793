// DeleteOptions, from the body or the query.
// Follows https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/delete-options/
import { badRequest, type FieldError, invalid, isStatus } from '../api/errors.ts';
import { invalidValue, unsupportedValue } from '../api/field-errors.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Call } from './call.ts';
import { decodeBody, parseText } from './decode-body.ts';
import { bodyEncoding, type Encoding } from './negotiate.ts';
import { booleanParameter, integerParameter } from './options.ts';
import { readBody } from './read-body.ts';

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  preconditions?: { uid?: string; resourceVersion?: string };
  propagationPolicy?: string;
  orphanDependents?: boolean;
  dryRun: boolean;
}

const schema = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';
const policies = ['Foreground', 'Background', 'Orphan'];

type Raw = Omit<DeleteOptions, 'dryRun'> & { dryRun?: string[] };

function fromQuery(query: URLSearchParams): Raw {
  const gracePeriodSeconds = integerParameter(query, 'gracePeriodSeconds');
  const orphanDependents = booleanParameter(query, 'orphanDependents');
  const propagationPolicy = query.get('propagationPolicy');
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(orphanDependents === undefined ? {} : { orphanDependents }),
    ...(propagationPolicy === null ? {} : { propagationPolicy }),
    dryRun: query.getAll('dryRun'),
  };
}

/** Throws Invalid for what cannot be. */
export function checkDeleteOptions(raw: Raw): DeleteOptions {
  const errors: FieldError[] = [];
  const { propagationPolicy, orphanDependents, dryRun = [] } = raw;
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    errors.push(
      invalidValue(
        'propagationPolicy',
        propagationPolicy,
        'orphanDependents and deletionPropagation cannot be both set',
      ),
    );
  }
  if (propagationPolicy !== undefined && !policies.includes(propagationPolicy)) {
    errors.push(unsupportedValue('propagationPolicy', propagationPolicy, [...policies, 'nil']));
  }
  if (dryRun.some((value) => value !== 'All')) errors.push(unsupportedValue('dryRun', dryRun, ['All']));
  if (errors.length > 0) throw invalid('DeleteOptions', 'meta.k8s.io', '', errors);
  return { ...raw, dryRun: dryRun.length > 0 };
}

/** Errors of this body are told without the words that name the expected kind. */
function decodeOptions(body: Uint8Array, encoding: Encoding): KubeObject {
  try {
    return decodeBody(body, encoding, { schema, kind: 'DeleteOptions', apiVersion: '' }, 'Ignore', []);
  } catch (error) {
    if (!isStatus(error, 'BadRequest')) throw error;
    const wrongKind = /^(\S+) in version "([^"]*)" .*unknown conversion$/.exec(error.message);
    if (wrongKind)
      throw badRequest(
        `no kind "${wrongKind[1]}" is registered for version "${wrongKind[2]}" in scheme "pkg/runtime/scheme.go:111"`,
      );
    throw badRequest(error.message.replace(/^.* cannot be handled as a DeleteOptions: /s, ''));
  }
}

/** The body counts when there is one; the query only without. Throws BadRequest, UnsupportedMediaType and Invalid. */
export async function readDeleteOptions(call: Call): Promise<DeleteOptions> {
  const body = await readBody(call.request);
  if (body.length === 0) return checkDeleteOptions(fromQuery(call.query));
  const encoding = bodyEncoding(call.request);
  // kube-apiserver has fewer words for this body than for others.
  if (encoding === 'json') parseText(body, encoding, "couldn't get version/kind; json parse error: ");
  const object = decodeOptions(body, encoding);
  return checkDeleteOptions(object as unknown as Raw);
}
