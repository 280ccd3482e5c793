import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import {
  type CertificateAuthority,
  signCertificateRequest,
  signerObjection,
  subjectOfRequest,
} from './certificates.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const now = Date.parse('2026-05-06T07:08:09Z');
const keys = () => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<CryptoKeyPair>;

async function authority(notAfterMs = now + 10 * 365 * 86_400_000): Promise<CertificateAuthority> {
  const pair = await keys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=test-ca',
    notBefore: new Date(now - 86_400_000),
    notAfter: new Date(notAfterMs),
    keys: pair,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return { certificatePem: certificate.toString('pem'), privateKey: pair.privateKey };
}

async function request(name: string, extensions: x509.Extension[] = []): Promise<string> {
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys: await keys(),
    signingAlgorithm: algorithm,
    extensions,
  });
  return csr.toString('pem');
}

const clientUsages = ['client auth', 'digital signature'];

test('a node gets the certificate that it asked for, from the authority, for as long as it asked', async () => {
  const ca = await authority();
  const pem = await signCertificateRequest(await request('O=system:nodes, CN=system:node:n1'), {
    ca,
    usages: clientUsages,
    durationSeconds: 3600,
    nowMs: now,
  });
  const certificate = new X509Certificate(pem);
  assert.ok(certificate.verify(new X509Certificate(ca.certificatePem).publicKey));
  assert.deepEqual(certificate.subject.split('\n').sort(), ['CN=system:node:n1', 'O=system:nodes']);
  assert.equal(certificate.issuer, 'CN=test-ca');
  assert.equal(certificate.validToDate.getTime(), now + 3_600_000);
  assert.ok(certificate.validFromDate.getTime() < now);
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  assert.equal(certificate.ca, false);
});

test('a certificate outlives neither its authority nor a year', async () => {
  const csr = await request('CN=alice');
  const sign = async (ca: CertificateAuthority): Promise<number> => {
    const options = { ca, usages: clientUsages, durationSeconds: 10 * 365 * 86_400, nowMs: now };
    return new X509Certificate(await signCertificateRequest(csr, options)).validToDate.getTime();
  };
  assert.equal(await sign(await authority()), now + 365 * 86_400_000);
  assert.equal(await sign(await authority(now + 86_400_000)), now + 86_400_000);
});

test('a serving request keeps its names and addresses', async () => {
  const names = new x509.SubjectAlternativeNameExtension([
    { type: 'dns', value: 'n1' },
    { type: 'ip', value: '10.0.0.7' },
  ]);
  const csr = await request('O=system:nodes, CN=system:node:n1', [names]);
  const subject = await subjectOfRequest(csr);
  assert.deepEqual(subject, {
    commonName: 'system:node:n1',
    organizations: ['system:nodes'],
    dnsNames: ['n1'],
    addresses: ['10.0.0.7'],
    emails: [],
    uris: [],
  });
  const options = {
    ca: await authority(),
    usages: ['server auth', 'digital signature'],
    durationSeconds: 3600,
    nowMs: now,
  };
  const certificate = new X509Certificate(await signCertificateRequest(csr, options));
  assert.ok(certificate.checkHost('n1'));
  assert.ok(certificate.checkIP('10.0.0.7'));
});

test('each signer grants only what it is for', async () => {
  const node = (await subjectOfRequest(await request('O=system:nodes, CN=system:node:n1')))!;
  const user = (await subjectOfRequest(await request('O=devs, CN=alice')))!;
  const kubelet = 'kubernetes.io/kube-apiserver-client-kubelet';
  assert.equal(signerObjection(kubelet, node, clientUsages), undefined);
  assert.match(signerObjection(kubelet, user, clientUsages) ?? '', /subject must be system:node:NAME/);
  assert.match(signerObjection(kubelet, node, ['server auth', 'digital signature']) ?? '', /usages/);
  assert.equal(signerObjection('kubernetes.io/kube-apiserver-client', user, clientUsages), undefined);
  assert.match(signerObjection('kubernetes.io/kube-apiserver-client', user, ['server auth']) ?? '', /client auth/);
  assert.match(
    signerObjection('kubernetes.io/kubelet-serving', node, ['server auth', 'digital signature']) ?? '',
    /DNS/,
  );
  assert.match(signerObjection('kubernetes.io/legacy-unknown', node, clientUsages) ?? '', /not served/);
});

test('a request with two common names, or for system:masters, is granted by no signer', async () => {
  const two = (await subjectOfRequest(await request('O=system:nodes, CN=system:node:n1, CN=system:kube-scheduler')))!;
  assert.equal(two.commonName, '');
  assert.match(
    signerObjection('kubernetes.io/kube-apiserver-client-kubelet', two, clientUsages) ?? '',
    /one common name/,
  );
  const masters = (await subjectOfRequest(await request('O=devs+O=system:masters, CN=alice')))!;
  assert.deepEqual(masters.organizations, ['devs', 'system:masters']);
  assert.match(signerObjection('kubernetes.io/kube-apiserver-client', masters, clientUsages) ?? '', /system:masters/);
});

test('a text that is no request, or one with a broken signature, is not signed', async () => {
  const ca = await authority();
  const options = { ca, usages: clientUsages, durationSeconds: 3600, nowMs: now };
  assert.equal(await subjectOfRequest('hello'), undefined);
  await assert.rejects(signCertificateRequest('hello', options), /cannot be read/);
  const der = Buffer.from((await request('CN=alice')).replace(/-----[^-]+-----/g, ''), 'base64');
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
  const broken = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;
  assert.equal(await subjectOfRequest(broken), undefined);
  await assert.rejects(signCertificateRequest(broken, options), /not signed by its own key|cannot be read/);
});
