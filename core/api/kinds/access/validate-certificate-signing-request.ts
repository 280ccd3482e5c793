import type { FieldError } from '../../errors.ts';
import type { CertificateSigningRequest } from '../../types.gen.ts';
import { Findings, sameValue } from '../findings.ts';
import { checkSignerName } from '../signer-name.ts';
import { unifiedDiff } from '../spec-diff.ts';

type Csr = CertificateSigningRequest;

const legacySigner = 'kubernetes.io/legacy-unknown';
const minSeconds = 600;
const usages = [
  ...['any', 'cert sign', 'client auth', 'code signing', 'content commitment', 'crl sign', 'data encipherment'],
  ...['decipher only', 'digital signature', 'email protection', 'encipher only', 'ipsec end system', 'ipsec tunnel'],
  ...['ipsec user', 'key agreement', 'key encipherment', 'microsoft sgc', 'netscape sgc', 'ocsp signing', 's/mime'],
  ...['server auth', 'signing', 'timestamping'],
];
const decisions = ['Approved', 'Denied', 'Failed'];
const anyStatus = ['False', 'True', 'Unknown'];

/** The DER of the first PEM block of a type; undefined when there is none. */
function pemBlock(base64: string, type: string): string | undefined {
  let text: string;
  try {
    text = atob(base64);
  } catch {
    return undefined;
  }
  const block = new RegExp(`-----BEGIN ${type}-----([A-Za-z0-9+/=\\s]+)-----END ${type}-----`).exec(text);
  return block?.[1]?.replace(/\s/g, '');
}

/** A DER sequence says how long it is. */
function isSequence(der: string): boolean {
  const bytes = atob(der.padEnd(Math.ceil(der.length / 4) * 4, '='));
  if (bytes.charCodeAt(0) !== 0x30) return false;
  const first = bytes.charCodeAt(1);
  const size = first < 0x80 ? 0 : first & 0x7f;
  let length = first < 0x80 ? first : 0;
  for (let i = 0; i < size; i++) length = length * 256 + bytes.charCodeAt(2 + i);
  return bytes.length === 2 + size + length;
}

function validateRequest(found: Findings, request: string): void {
  const der = pemBlock(request, '(?:NEW )?CERTIFICATE REQUEST');
  const why = der === undefined ? 'PEM block type must be CERTIFICATE REQUEST' : 'asn1: syntax error: data truncated';
  if (der !== undefined && isSequence(der)) return;
  found.add([
    {
      reason: 'FieldValueInvalid',
      field: 'spec.request',
      message: `Invalid value: ${JSON.stringify(request)}: ${why}`,
    },
  ]);
}

function validateConditions(found: Findings, { status }: Csr): void {
  const seen = new Set<string>();
  for (const [i, condition] of (status?.conditions ?? []).entries()) {
    const at = `status.conditions[${i}]`;
    if (!condition.type) found.required(`${at}.type`);
    const allowed = decisions.includes(condition.type) ? ['True'] : anyStatus;
    found.oneOf(`${at}.status`, condition.status, allowed);
    const opposite = { Approved: 'Denied', Denied: 'Approved' }[condition.type];
    if (opposite && seen.has(opposite)) {
      found.invalid('status.conditions', condition.type, 'Approved and Denied conditions are mutually exclusive');
    }
    if (seen.has(condition.type)) found.duplicate(`${at}.type`, condition.type);
    seen.add(condition.type);
  }
}

function validateSpec(found: Findings, csr: Csr): void {
  const { spec } = csr;
  validateRequest(found, spec.request ?? '');
  if ((spec.usages ?? []).length === 0) found.required('spec.usages');
  for (const [i, usage] of (spec.usages ?? []).entries()) {
    if (!usages.includes(usage)) found.unsupported(`spec.usages[${i}]`, usage, usages);
  }
  for (const [i, usage] of (spec.usages ?? []).entries()) {
    if (spec.usages!.indexOf(usage) < i) found.duplicate(`spec.usages[${i}]`, usage);
  }
  if (spec.signerName === legacySigner) {
    found.invalid('spec.signerName', spec.signerName, 'the legacy signerName is not allowed via this API version');
  } else checkSignerName(found, 'spec.signerName', spec.signerName ?? '');
  const seconds = spec.expirationSeconds;
  if (seconds !== undefined && seconds < minSeconds) {
    const why = 'may not specify a duration less than 600 seconds (10 minutes)';
    found.invalid('spec.expirationSeconds', seconds, why);
  }
  validateConditions(found, csr);
}

export function validateCsr(csr: Csr): FieldError[] {
  const found = new Findings();
  validateSpec(found, csr);
  return found.errors;
}

const conditionsOf = (csr: Csr, type: string) => (csr.status?.conditions ?? []).filter((c) => c.type === type);

function checkDecisions(found: Findings, csr: Csr, old: Csr, approval: boolean): void {
  const field = 'status.conditions';
  for (const type of decisions) {
    if (conditionsOf(csr, type).length >= conditionsOf(old, type).length) continue;
    found.forbidden(field, `updates may not remove a condition of type "${type}"`);
  }
  if (approval) return;
  for (const type of ['Approved', 'Denied']) {
    const now = conditionsOf(csr, type);
    const before = conditionsOf(old, type);
    if (now.length > before.length) found.forbidden(field, `updates may not add a condition of type "${type}"`);
    else if (now.length === before.length && !sameValue(now, before)) {
      found.forbidden(field, `updates may not modify a condition of type "${type}"\n${unifiedDiff(before, now)}`);
    }
  }
}

export function validateCsrUpdate(csr: Csr, old: Csr, subresource: string): FieldError[] {
  const found = new Findings();
  validateSpec(found, csr);
  const certificate = csr.status?.certificate ?? '';
  const before = old.status?.certificate ?? '';
  const at = 'status.certificate';
  if (certificate !== before && certificate && pemBlock(certificate, 'CERTIFICATE') === undefined) {
    found.invalid(at, '<certificate data>', 'must contain at least one CERTIFICATE PEM block');
  }
  checkDecisions(found, csr, old, subresource === 'approval');
  if (certificate !== before) {
    if (subresource !== 'status') found.forbidden(at, 'updates may not set certificate content');
    else if (before) found.forbidden(at, 'updates may not modify existing certificate content');
  }
  return found.errors;
}
