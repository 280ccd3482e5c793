// Addresses that traffic may be sent to: not those that mean something on every machine.
import type { Findings } from '../findings.ts';
import { parseAddress } from '../ip.ts';

export function checkEndpointIp(found: Findings, field: string, text: string): void {
  const address = parseAddress(text);
  if (!address) {
    found.invalid(field, text, 'must be a valid IP address');
    return;
  }
  const [a = 0, b = 0, c = 0] = address;
  const v4 = address.length === 4;
  const zeros = address.slice(0, -1).every((byte) => byte === 0);
  if (zeros && address.at(-1) === 0) found.invalid(field, text, `may not be unspecified (${text})`);
  if (v4 ? a === 127 : zeros && address.at(-1) === 1) {
    found.invalid(field, text, 'may not be in the loopback range (127.0.0.0/8, ::1/128)');
  }
  if (v4 ? a === 169 && b === 254 : a === 0xfe && (b & 0xc0) === 0x80) {
    found.invalid(field, text, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  }
  if (v4 ? a === 224 && b === 0 && c === 0 : a === 0xff && (b & 0x0f) === 0x02) {
    found.invalid(field, text, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
  }
}
