import assert from 'node:assert/strict';
import test from 'node:test';
import { pathAfterSubresource, requestInfo } from './request-info.ts';
import type { RequestInfo } from './server.ts';

function info(method: string, path: string) {
  const url = new URL(path, 'https://api.example');
  return requestInfo(method, url, url.searchParams);
}

const cases: [string, string, string, Partial<RequestInfo>][] = [
  ['GET', '/api/v1/pods', 'list', { plural: 'pods', namespace: '' }],
  ['GET', '/api/v1/namespaces/shop/pods?watch=true', 'watch', { plural: 'pods', namespace: 'shop' }],
  ['GET', '/api/v1/namespaces/shop/pods/web', 'get', { plural: 'pods', namespace: 'shop', name: 'web' }],
  ['HEAD', '/api/v1/namespaces/shop/pods/web', 'get', { name: 'web' }],
  ['GET', '/api/v1/namespaces/shop', 'get', { plural: 'namespaces', namespace: 'shop', name: 'shop' }],
  [
    'PUT',
    '/api/v1/namespaces/shop/finalize',
    'update',
    { plural: 'namespaces', name: 'shop', subresource: 'finalize' },
  ],
  ['DELETE', '/apis/apps/v1/namespaces/shop/deployments', 'deletecollection', { group: 'apps', plural: 'deployments' }],
  ['POST', '/api/v1/namespaces/shop/pods/web/exec?command=ls', 'create', { subresource: 'exec', name: 'web' }],
  [
    'GET',
    '/api/v1/pods?fieldSelector=metadata.name%3Dweb',
    'list',
    { name: 'web', fieldSelector: 'metadata.name=web' },
  ],
  ['GET', '/api/v1/namespaces/shop/pods/a%20b', 'get', { name: 'a b' }],
  ['GET', '/api/v1/pods?watch=False', 'list', { plural: 'pods' }],
  ['GET', '/api/v1/watch/pods', 'watch', { plural: 'pods', namespace: '', watchInPath: true }],
  ['GET', '/api/v1/watch/namespaces/shop/pods?watch=false', 'watch', { plural: 'pods', namespace: 'shop', name: '' }],
  ['POST', '/apis/apps/v1/watch/namespaces/a/deployments/b', 'watch', { group: 'apps', namespace: 'a', name: 'b' }],
  ['GET', '/api/v1/watch/namespaces/shop', 'watch', { plural: 'namespaces', namespace: 'shop', name: 'shop' }],
  // Whoever may watch one object by its name may do so where the path says the name.
  [
    'GET',
    '/api/v1/watch/pods?fieldSelector=metadata.name%3Dweb&labelSelector=a',
    'watch',
    { name: '', fieldSelector: undefined, labelSelector: undefined },
  ],
  ['GET', '/api/v1/namespaces/watch/pods', 'list', { plural: 'pods', namespace: 'watch', watchInPath: undefined }],
];

for (const [method, path, verb, expected] of cases) {
  test(`${method} ${path} is ${verb}`, () => {
    const found = info(method, path);
    assert.equal(found.isResource, true);
    assert.equal(found.verb, verb);
    for (const [key, value] of Object.entries(expected)) assert.equal(found[key as keyof typeof found], value, key);
  });
}

test('paths that name no resource keep their method as verb', () => {
  for (const path of ['/', '/healthz', '/api', '/api/v1', '/apis/apps', '/apis/apps/v1']) {
    assert.deepEqual([info('GET', path).isResource, info('GET', path).verb], [false, 'get']);
  }
});

test('a path that cannot be decoded is a bad request', () => {
  assert.throws(() => info('GET', '/api/v1/namespaces/shop/pods/%ff'), /cannot be decoded/);
});

test('a watch in the path of nothing is a bad request', () => {
  for (const path of ['/api/v1/watch', '/apis/apps/v1/watch/']) {
    assert.throws(() => info('GET', path), /does not say what to watch/);
  }
});

test('what follows a proxy is kept as it was written', () => {
  assert.equal(pathAfterSubresource(info('GET', '/api/v1/namespaces/shop/pods/web/proxy/a%2Fb/c')), 'a%2Fb/c');
  assert.equal(pathAfterSubresource(info('GET', '/api/v1/nodes/proxy/proxy/proxy/x')), 'proxy/x');
  assert.equal(pathAfterSubresource(info('GET', '/api/v1/namespaces/shop/services/web/proxy')), '');
  // Namespaces and services may be called after the subresource, and names may be encoded or not.
  const service = '/api/v1/namespaces/proxy-1/services/proxy-service:portname1/proxy';
  assert.equal(pathAfterSubresource(info('GET', `${service}/`)), '');
  assert.equal(pathAfterSubresource(info('GET', `${service}/a//b/`)), 'a//b/');
  assert.equal(pathAfterSubresource(info('GET', `${service.replace(':', '%3A')}/a`)), 'a');
  assert.equal(pathAfterSubresource(info('GET', '/apis/apps/v1/namespaces/a/deployments/b/scale/c')), 'c');
});
