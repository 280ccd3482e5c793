// Rules for names, labels, ports and the like, with the messages of apimachinery (clients match on them).
// Each function returns its findings, [] when the value is fine.
// Follows https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and .../labels/

const encoder = new TextEncoder();
const byteLength = (text: string): number => (/^[\x20-\x7e]*$/.test(text) ? text.length : encoder.encode(text).length);

export const dnsLabelMaxLength = 63;
export const dnsSubdomainMaxLength = 253;
export const labelValueMaxLength = 63;
export const portNameMaxLength = 15;

const tooLong = (max: number): string => `must be no more than ${max} characters`;
/** Label keys and values count bytes and say so. */
const tooManyBytes = (max: number): string => `must be no more than ${max} bytes`;
const notBetween = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;

/** The form of every finding that a regular expression makes. */
export function patternError(message: string, pattern: string, ...examples: string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${pattern}')`;
  return `${message} (e.g. ${examples.map((e) => `'${e}', `).join(' or ')}regex used for validation is '${pattern}')`;
}

const whole = (pattern: string): RegExp => new RegExp(`^${pattern}$`);

const labelPattern = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const labelRule = whole(labelPattern);
const labelMessage =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const subdomainPattern = `${labelPattern}(\\.${labelPattern})*`;
const subdomainRule = whole(subdomainPattern);
const subdomainMessage =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const underscoreLabelPattern = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const underscoreSubdomainPattern = `${underscoreLabelPattern}(\\.${underscoreLabelPattern})*`;
const underscoreSubdomainRule = whole(underscoreSubdomainPattern);
const underscoreSubdomainMessage =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character";
const dns1035Pattern = '[a-z]([-a-z0-9]*[a-z0-9])?';
const dns1035Rule = whole(dns1035Pattern);
const dns1035Message =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const wildcardPattern = `\\*\\.${subdomainPattern}`;
const wildcardRule = whole(wildcardPattern);
const wildcardMessage =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
const qualifiedPattern = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const qualifiedRule = whole(qualifiedPattern);
const qualifiedMessage =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const labelValuePattern = `(${qualifiedPattern})?`;
const labelValueRule = whole(labelValuePattern);
const labelValueMessage = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`;

/** Names of namespaces, containers, ports of pods ... */
export function dns1123Label(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > dnsLabelMaxLength) errors.push(tooLong(dnsLabelMaxLength));
  if (!labelRule.test(value)) {
    if (subdomainRule.test(value)) errors.push('must not contain dots');
    else errors.push(patternError(labelMessage, labelPattern, 'my-name', '123-abc'));
  }
  return errors;
}

/** Names of most objects. */
export function dns1123Subdomain(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > dnsSubdomainMaxLength) errors.push(tooLong(dnsSubdomainMaxLength));
  if (!subdomainRule.test(value)) errors.push(patternError(subdomainMessage, subdomainPattern, 'example.com'));
  return errors;
}

/** Host names in a pod's DNS searches. */
export function dns1123SubdomainWithUnderscore(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > dnsSubdomainMaxLength) errors.push(tooLong(dnsSubdomainMaxLength));
  if (!underscoreSubdomainRule.test(value)) {
    errors.push(patternError(underscoreSubdomainMessage, underscoreSubdomainPattern, 'example.com'));
  }
  return errors;
}

/** Names of services. */
export function dns1035Label(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > dnsLabelMaxLength) errors.push(tooLong(dnsLabelMaxLength));
  if (!dns1035Rule.test(value)) errors.push(patternError(dns1035Message, dns1035Pattern, 'my-name', 'abc-123'));
  return errors;
}

/** `*.example.com`, for hosts of ingresses. */
export function wildcardDns1123Subdomain(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > dnsSubdomainMaxLength) errors.push(tooLong(dnsSubdomainMaxLength));
  if (!wildcardRule.test(value)) errors.push(patternError(wildcardMessage, wildcardPattern, '*.example.com'));
  return errors;
}

/** Keys of labels and annotations, resource names, finalizers: `[prefix/]name`. */
export function qualifiedName(value: string): string[] {
  const errors: string[] = [];
  const parts = value.split('/');
  const nameError = patternError(qualifiedMessage, qualifiedPattern, 'MyName', 'my.name', '123-abc');
  if (parts.length > 2) {
    return [`a valid label key ${nameError} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const name = parts.at(-1)!;
  if (parts.length === 2) {
    const prefix = parts[0]!;
    if (prefix === '') errors.push('prefix part must be non-empty');
    else {
      if (byteLength(prefix) > dnsSubdomainMaxLength) errors.push(`prefix part ${tooManyBytes(dnsSubdomainMaxLength)}`);
      if (!subdomainRule.test(prefix)) {
        errors.push(`prefix part ${patternError(subdomainMessage, subdomainPattern, 'example.com')}`);
      }
    }
  }
  if (name === '') errors.push('name part must be non-empty');
  else if (byteLength(name) > labelValueMaxLength) errors.push(`name part ${tooManyBytes(labelValueMaxLength)}`);
  if (!qualifiedRule.test(name)) errors.push(`name part ${nameError}`);
  return errors;
}

export function labelValue(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > labelValueMaxLength) errors.push(tooManyBytes(labelValueMaxLength));
  if (!labelValueRule.test(value)) {
    errors.push(patternError(labelValueMessage, labelValuePattern, 'MyValue', 'my_value', '12345'));
  }
  return errors;
}

/** Names that only have to fit in a URL path (roles, certificates signing requests ...). */
export function pathSegmentName(value: string): string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((part) => value.includes(part)).map((part) => `may not contain '${part}'`);
}

const parentDirectory = (value: string): string[] => {
  if (value === '.') return ["must not be '.'"];
  if (value === '..') return ["must not be '..'"];
  return value.startsWith('..') ? ["must not start with '..'"] : [];
};

/** Environment variables: since 1.34 any printable ASCII but `=`. */
export function relaxedEnvVarName(value: string): string[] {
  if (value === '') return ['environment variable name must be non-empty'];
  if (/^[\x20-\x7e]*$/.test(value) && !value.includes('=')) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

const configKeyPattern = '[-._a-zA-Z0-9]+';
const configKeyRule = whole(configKeyPattern);

/** Keys of config maps and secrets. */
export function configMapKey(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > dnsSubdomainMaxLength) errors.push(tooLong(dnsSubdomainMaxLength));
  if (!configKeyRule.test(value)) {
    errors.push(
      patternError(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        configKeyPattern,
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  }
  return [...errors, ...parentDirectory(value)];
}

/** IANA service names: names of container and service ports. */
export function portName(value: string): string[] {
  const errors: string[] = [];
  if (byteLength(value) > portNameMaxLength) errors.push(tooLong(portNameMaxLength));
  if (!/^[-a-z0-9]+$/.test(value))
    errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) errors.push('must contain at least one letter (a-z)');
  if (value.includes('--')) errors.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
}

export const inRange = (value: number, low: number, high: number): string[] =>
  value >= low && value <= high ? [] : [notBetween(low, high)];

export const portNumber = (value: number): string[] => inRange(value, 1, 65535);
const maxId = 2147483647;
export const userId = (value: number): string[] => inRange(value, 0, maxId);
export const groupId = (value: number): string[] => inRange(value, 0, maxId);

const percentPattern = '[0-9]+%';

export const percent = (value: string): string[] =>
  whole(percentPattern).test(value)
    ? []
    : [
        patternError(
          "a valid percent string must be a numeric string followed by an ending '%'",
          percentPattern,
          '1%',
          '93%',
        ),
      ];

const headerNamePattern = '[-A-Za-z0-9]+';

export const httpHeaderName = (value: string): string[] =>
  whole(headerNamePattern).test(value)
    ? []
    : [
        patternError(
          "a valid HTTP header must consist of alphanumeric characters or '-'",
          headerNamePattern,
          'X-Header-Name',
        ),
      ];

/** Checks a generateName by the rule for names: what will be appended stands for a trailing dash. */
export const prefixOf =
  (rule: (name: string) => string[]) =>
  (prefix: string): string[] =>
    rule(prefix.length > 1 && prefix.endsWith('-') ? `${prefix.slice(0, -2)}a` : prefix);
