import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestSubject } from '../../api/certificates.ts';
import { addressOfPodApi, mayServe } from './serving.ts';

const node = { metadata: { name: 'a' }, status: { addresses: [{ type: 'InternalIP', address: '10.1.0.2' }] } };
const subject: RequestSubject = {
  commonName: 'system:node:a',
  organizations: ['system:nodes'],
  dnsNames: ['a'],
  addresses: ['10.1.0.2'],
  emails: [],
  uris: [],
};
const request = {
  spec: {
    request: '',
    signerName: 'kubernetes.io/kubelet-serving',
    username: 'system:node:a',
    usages: ['digital signature', 'server auth'],
  },
};

test('a node gets a serving certificate for its own name and addresses', () => {
  assert.equal(mayServe(request, subject, node, undefined), true);
});

test('nobody gets one for another node, for names that are not its own, or before it is registered', () => {
  assert.equal(mayServe({ spec: { ...request.spec, username: 'system:node:b' } }, subject, node, undefined), false);
  assert.equal(mayServe(request, { ...subject, dnsNames: ['kubernetes'] }, node, undefined), false);
  assert.equal(mayServe(request, { ...subject, addresses: ['10.1.0.3'] }, node, undefined), false);
  assert.equal(mayServe(request, subject, undefined, undefined), false);
  assert.equal(
    mayServe({ spec: { ...request.spec, usages: ['client auth', 'digital signature'] } }, subject, node, undefined),
    false,
  );
});

test('where nodes offer the API to their pods, a node gets a certificate in its name, and for nothing else', () => {
  const names = ['kubernetes', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'];
  const api = { ...subject, dnsNames: names, addresses: ['10.96.0.1'] };
  assert.equal(mayServe(request, api, node, '10.96.0.1'), true);
  assert.equal(mayServe(request, api, node, undefined), false);
  assert.equal(mayServe(request, api, node, '10.97.0.1'), false);
  assert.equal(mayServe(request, api, undefined, '10.96.0.1'), false);
  const both = { ...api, dnsNames: [...names, 'a'], addresses: ['10.96.0.1', '10.1.0.2'] };
  assert.equal(mayServe(request, both, node, '10.96.0.1'), false);
  for (const name of ['localhost', 'kubernetes.evil', 'api.example.org', 'web.default.svc'])
    assert.equal(mayServe(request, { ...api, dnsNames: [name] }, node, '10.96.0.1'), false, name);
  assert.equal(mayServe({ spec: { ...request.spec, username: 'system:node:b' } }, api, node, '10.96.0.1'), false);
});

test('nodes offer the API where the service is its own endpoint', () => {
  const service = { spec: { clusterIP: '10.96.0.1' } };
  const slice = (address: string) => ({ addressType: 'IPv4', endpoints: [{ addresses: [address] }] });
  assert.equal(addressOfPodApi(service, slice('10.96.0.1')), '10.96.0.1');
  assert.equal(addressOfPodApi(service, slice('10.64.0.1')), undefined);
  assert.equal(addressOfPodApi(service, undefined), undefined);
  assert.equal(addressOfPodApi(undefined, slice('10.96.0.1')), undefined);
  assert.equal(addressOfPodApi({ spec: {} }, slice('10.96.0.1')), undefined);
});
