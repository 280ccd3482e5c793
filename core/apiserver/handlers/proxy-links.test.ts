import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkRewriter, rewriteLinks, throughProxy } from './proxy-links.ts';

const prefix = '/api/v1/namespaces/default/pods/web/proxy';

test('links from the root lead through the proxy, others stay', () => {
  assert.equal(rewriteLinks('<a href="/page">x</a>', prefix), `<a href="${prefix}/page">x</a>`);
  assert.equal(rewriteLinks("<img alt='a' src='/i.png'/>", prefix), `<img alt='a' src="${prefix}/i.png"/>`);
  assert.equal(
    rewriteLinks('<a title="/page" href="page">/page</a>', prefix),
    '<a title="/page" href="page">/page</a>',
  );
  assert.equal(throughProxy('//other.example.com/x', prefix), '//other.example.com/x');
  assert.equal(throughProxy('https://other.example.com/x', prefix), 'https://other.example.com/x');
  assert.equal(throughProxy(`${prefix}/x`, prefix), `${prefix}/x`);
});

test('a tag that the network cuts is rewritten whole', async () => {
  const page = new Blob(['<p>ä</p><a hr', 'ef="/pa', 'ge">x</a><']).stream().pipeThrough(linkRewriter(prefix));
  assert.equal(await new Response(page).text(), `<p>ä</p><a href="${prefix}/page">x</a><`);
  const parts = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of ['<a hr', 'ef="/pa', 'ge">x</a>']) controller.enqueue(new TextEncoder().encode(part));
      controller.close();
    },
  });
  assert.equal(await new Response(parts.pipeThrough(linkRewriter(prefix))).text(), `<a href="${prefix}/page">x</a>`);
});
