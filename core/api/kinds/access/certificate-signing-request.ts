// https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
import { timestamp } from '../../../ports.ts';
import { copyJson } from '../../json-value.ts';
import { pathSegmentName } from '../../names.ts';
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, nameColumn, text } from '../columns.ts';
import { humanDuration } from '../duration.ts';
import { sameValue } from '../findings.ts';
import { validateCsr, validateCsrUpdate } from './validate-certificate-signing-request.ts';

type Csr = CertificateSigningRequest;

function conditionCell({ status }: Csr): string {
  const has = (type: string) => status?.conditions?.some((condition) => condition.type === type) ?? false;
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return [decision, has('Failed') ? 'Failed' : '', status?.certificate ? 'Issued' : ''].filter(Boolean).join(',');
}

/** Times of conditions are the server's unless given. */
function stampConditions(conditions: CertificateSigningRequestCondition[], old: Csr, now: string): void {
  const before = old.status?.conditions ?? [];
  for (const condition of conditions) {
    condition.lastUpdateTime ??= now;
    const same = before.find((c) => c.type === condition.type && c.status === condition.status);
    condition.lastTransitionTime ??= same?.lastTransitionTime ?? now;
  }
}

/** A status update neither grants nor denies. */
function keepDecisions(csr: Csr, old: Csr): void {
  const isDecision = (condition: CertificateSigningRequestCondition) => ['Approved', 'Denied'].includes(condition.type);
  const before = (old.status?.conditions ?? []).filter(isDecision);
  const sent = csr.status?.conditions ?? [];
  if (!csr.status || sameValue(sent.filter(isDecision), before)) return;
  const order = (type: string) => sent.filter((condition) => condition.type === type).length;
  for (const type of ['Approved', 'Denied']) {
    const was = before.filter((condition) => condition.type === type);
    if (was.length !== order(type)) continue;
    let next = 0;
    csr.status.conditions = (csr.status.conditions ?? []).map((c) => (c.type === type ? was[next++]! : c));
  }
}

export const certificateSigningRequestRules: Rules<Csr> = {
  fieldLabels: { 'spec.signerName': (csr) => csr.spec?.signerName },
  columns: [
    nameColumn,
    ageColumn,
    text('SignerName', (csr) => csr.spec?.signerName || '<none>'),
    text('Requestor', (csr) => csr.spec?.username ?? ''),
    text('RequestedDuration', ({ spec }) =>
      spec?.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1000),
    ),
    text('Condition', conditionCell),
  ],
  validateName: pathSegmentName,
  setDefaults({ spec }) {
    if (spec && (spec.usages ?? []).length === 0) spec.usages = ['digital signature', 'key encipherment'];
  },
  prepareForCreate(csr, { user }) {
    const { username: _name, uid: _uid, groups: _groups, extra: _extra, ...spec } = csr.spec;
    csr.spec = {
      ...spec,
      username: user.username,
      ...(user.uid ? { uid: user.uid } : {}),
      groups: [...user.groups],
      ...(user.extra && Object.keys(user.extra).length > 0 ? { extra: copyJson(user.extra) } : {}),
    };
  },
  prepareForUpdate(csr, old, { nowMs }, subresource) {
    csr.spec = copyJson(old.spec);
    const now = timestamp(nowMs);
    if (subresource === 'status') {
      keepDecisions(csr, old);
      stampConditions(csr.status?.conditions ?? [], old, now);
    } else if (subresource === 'approval') {
      const conditions = csr.status?.conditions ?? [];
      stampConditions(conditions, old, now);
      csr.status = { ...copyJson(old.status), conditions };
    }
  },
  validate: validateCsr,
  validateUpdate: validateCsrUpdate,
};
