// Names of controllers: a domain, a slash and a path ("example.com/foo").
import { dns1123Subdomain } from '../../names.ts';
import type { Findings } from '../findings.ts';

const pathPattern = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const pathRule = new RegExp(`^${pathPattern}$`);

export function checkDomainPath(found: Findings, field: string, value: string): void {
  const slash = value.indexOf('/');
  const host = value.slice(0, slash);
  const path = value.slice(slash + 1);
  if (!value) found.required(field);
  else if (slash < 1 || !path) found.invalid(field, value, 'must be a domain-prefixed path (such as "acme.io/foo")');
  else {
    found.invalid(field, host, dns1123Subdomain(host));
    if (!pathRule.test(path))
      found.invalid(field, path, `Invalid path (regex used for validation is '${pathPattern}')`);
  }
}
