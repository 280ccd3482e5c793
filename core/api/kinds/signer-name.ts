// Names of signers: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#signers
import { dns1123Label, dns1123Subdomain } from '../names.ts';
import { byteLength, type Findings } from './findings.ts';

const maxDomainBytes = 253;
/** A subdomain, a dot and a label must fit after the slash. */
const maxPathBytes = 253 + 63 + 1;
const maxSignerBytes = maxDomainBytes + maxPathBytes + 1;

/** `domain.example/path`, where the domain has two parts at least. */
export function checkSignerName(found: Findings, field: string, name: string): void {
  if (!name) {
    found.required(field);
    return;
  }
  const segments = name.split('/');
  if (segments.length !== 2) {
    found.invalid(field, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
    return;
  }
  const [domain, path] = segments as [string, string];
  if (byteLength(domain) > maxDomainBytes) found.tooLong(field, maxDomainBytes);
  checkLabels(found, field, domain, dns1123Label);
  if (!domain.includes('.')) {
    found.invalid(field, domain, 'should be a domain with at least two segments separated by dots');
  }
  checkLabels(found, field, path, dns1123Subdomain);
  if (byteLength(name) > maxSignerBytes) found.tooLong(field, maxSignerBytes);
}

/** Of several wrong labels the first is told. */
function checkLabels(found: Findings, field: string, dotted: string, rule: (label: string) => string[]): void {
  for (const label of dotted.split('.')) {
    const errors = rule(label);
    found.invalid(
      field,
      dotted,
      errors.map((why) => `validating label "${label}": ${why}`),
    );
    if (errors.length > 0) return;
  }
}
