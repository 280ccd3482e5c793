import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import 'reflect-metadata';
import { Pkcs10CertificateRequest, type SubjectAlternativeNameExtension } from '@peculiar/x509';
import { certificateRequest } from './certificate-request.ts';

const names = {
  organization: 'system:nodes',
  commonName: 'system:node:one',
  dnsNames: ['one'],
  addresses: ['10.64.0.11', 'fd00::1:2'],
};

test('a request for a serving certificate is read by an X.509 library as it was meant, and its signature holds', async () => {
  const { key, request } = certificateRequest(names);
  const read = new Pkcs10CertificateRequest(request);
  assert.equal(await read.verify(), true);
  assert.equal(read.subject, 'O=system:nodes, CN=system:node:one');
  const alternative = read.getExtension('2.5.29.17') as SubjectAlternativeNameExtension | null;
  assert.deepEqual(
    alternative?.names.items.map((n) => [n.type, n.value]),
    [
      ['dns', 'one'],
      ['ip', '10.64.0.11'],
      ['ip', 'fd00::1:2'],
    ],
  );
  const own = createPublicKey(createPrivateKey(key)).export({ type: 'spki', format: 'der' });
  assert.deepEqual(Buffer.from(read.publicKey.rawData), own);
});

test('a client certificate is asked for without names', async () => {
  const { request } = certificateRequest({ ...names, dnsNames: [], addresses: [] });
  const read = new Pkcs10CertificateRequest(request);
  assert.equal(await read.verify(), true);
  assert.equal(read.extensions.length, 0);
});
