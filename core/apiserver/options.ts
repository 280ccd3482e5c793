// The options that verbs take from the query, and what is wrong with them.
// Follows https://kubernetes.io/docs/reference/kubernetes-api/common-parameters/common-parameters/
import { badRequest, type FieldError, invalid } from '../api/errors.ts';
import { forbiddenValue, goQuote, invalidValue, tooLongValue, unsupportedValue } from '../api/field-errors.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export interface WriteOptions {
  dryRun: boolean;
  fieldManager: string;
  fieldValidation: FieldValidation;
}

export interface ListOptions {
  labelSelector: string;
  fieldSelector: string;
  limit: number;
  continue: string;
  resourceVersion: string;
  resourceVersionMatch: string;
  timeoutSeconds: number | undefined;
  allowWatchBookmarks: boolean;
  sendInitialEvents: boolean | undefined;
}

const metaGroup = 'meta.k8s.io';
const fieldManagerMaxLength = 128;

/** As Go's conversion of query values reads booleans: anything but "false" and "0" is true. */
export function booleanParameter(query: URLSearchParams, name: string): boolean | undefined {
  const value = query.get(name);
  return value === null ? undefined : value.toLowerCase() !== 'false' && value !== '0';
}

/** Throws BadRequest in the words that clients know from Go's strconv. */
export function integerParameter(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return value === null ? undefined : refuseInteger(value, 'invalid syntax');
  if (!/^[+-]?\d+$/.test(value)) return refuseInteger(value, 'invalid syntax');
  const number = Number(value);
  if (!Number.isSafeInteger(number)) return refuseInteger(value, 'value out of range');
  return number;
}

function refuseInteger(value: string, why: string): never {
  throw badRequest(`strconv.ParseInt: parsing ${goQuote(value)}: ${why}`);
}

function checkFieldManager(value: string, errors: FieldError[]): void {
  if (value.length > fieldManagerMaxLength) errors.push(tooLongValue('fieldManager', fieldManagerMaxLength));
  const bad = [...value].findIndex((char) => !/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(char));
  if (bad >= 0) {
    const code = [...value][bad]!.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    errors.push(invalidValue('fieldManager', value, `invalid character U+${code} (at position ${bad})`));
  }
}

function checkDryRun(values: readonly string[], errors: FieldError[]): void {
  if (values.some((value) => value !== 'All')) errors.push(unsupportedValue('dryRun', values, ['All']));
}

/** `kind`: CreateOptions, UpdateOptions or PatchOptions, as the error names it. Throws Invalid. */
export function writeOptions(query: URLSearchParams, kind: string): WriteOptions {
  const none: WriteOptions = { dryRun: false, fieldManager: '', fieldValidation: 'Warn' };
  if (query.size === 0) return none;
  const errors: FieldError[] = [];
  const fieldManager = query.get('fieldManager') ?? '';
  const dryRun = query.getAll('dryRun');
  const fieldValidation = query.get('fieldValidation') || 'Warn';
  if (kind === 'PatchOptions' && query.has('force')) {
    errors.push(forbiddenValue('force', 'may not be specified for non-apply patch'));
  }
  checkFieldManager(fieldManager, errors);
  checkDryRun(dryRun, errors);
  if (fieldValidation !== 'Warn' && fieldValidation !== 'Strict' && fieldValidation !== 'Ignore') {
    errors.push(unsupportedValue('fieldValidation', fieldValidation, ['', 'Ignore', 'Strict', 'Warn']));
  }
  if (errors.length > 0) throw invalid(kind, metaGroup, '', errors);
  return { dryRun: dryRun.length > 0, fieldManager, fieldValidation: fieldValidation as FieldValidation };
}

const matchForbidden = (why: string): FieldError =>
  forbiddenValue('resourceVersionMatch', `resourceVersionMatch is forbidden ${why}`);

function checkWatch(options: ListOptions, errors: FieldError[]): void {
  const match = options.resourceVersionMatch;
  if (options.sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    errors.push(
      forbiddenValue('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'),
    );
  }
  if (match === '') return;
  if (options.sendInitialEvents === undefined)
    errors.push(matchForbidden('for watch unless sendInitialEvents is provided'));
  if (match !== 'NotOlderThan') errors.push(unsupportedValue('resourceVersionMatch', match, ['NotOlderThan']));
  if (options.continue) errors.push(matchForbidden('when continue is provided'));
}

function checkList(options: ListOptions, errors: FieldError[]): void {
  const match = options.resourceVersionMatch;
  if (match !== '') {
    if (options.resourceVersion === '') errors.push(matchForbidden('unless resourceVersion is provided'));
    if (options.continue) errors.push(matchForbidden('when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      errors.push(unsupportedValue('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']));
    }
    if (match === 'Exact' && options.resourceVersion === '0') {
      errors.push(
        forbiddenValue('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
      );
    }
  }
  if (options.sendInitialEvents !== undefined) {
    errors.push(forbiddenValue('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
}

/** Throws BadRequest and Invalid. */
export function listOptions(query: URLSearchParams, watch: boolean): ListOptions {
  const options: ListOptions = {
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
    limit: integerParameter(query, 'limit') ?? 0,
    continue: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
    timeoutSeconds: integerParameter(query, 'timeoutSeconds'),
    allowWatchBookmarks: booleanParameter(query, 'allowWatchBookmarks') ?? false,
    sendInitialEvents: booleanParameter(query, 'sendInitialEvents'),
  };
  const errors: FieldError[] = [];
  if (watch) checkWatch(options, errors);
  else checkList(options, errors);
  if (errors.length > 0) throw invalid('ListOptions', metaGroup, '', errors);
  return options;
}
