import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestSubject } from '../../api/certificates.ts';
import { mayServe } from './serving.ts';

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
  assert.equal(mayServe(request, subject, node), true);
});

test('nobody gets one for another node, for names that are not its own, or before it is registered', () => {
  assert.equal(mayServe({ spec: { ...request.spec, username: 'system:node:b' } }, subject, node), false);
  assert.equal(mayServe(request, { ...subject, dnsNames: ['kubernetes'] }, node), false);
  assert.equal(mayServe(request, { ...subject, addresses: ['10.1.0.3'] }, node), false);
  assert.equal(mayServe(request, subject, undefined), false);
  assert.equal(
    mayServe({ spec: { ...request.spec, usages: ['client auth', 'digital signature'] } }, subject, node),
    false,
  );
});
