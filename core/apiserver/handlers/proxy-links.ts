// Links in pages that are seen through a proxy path lead back through it: `/page` becomes `/api/v1/.../proxy/page`.
// Follows what kube-apiserver does with text/html answers and Location headers of proxied requests.

/** Attributes that hold a link, by the elements that have them (https://html.spec.whatwg.org/#attributes-3). */
const attributes: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  button: ['formaction'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  iframe: ['src'],
  img: ['src'],
  input: ['src', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['data'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  track: ['src'],
  video: ['poster', 'src'],
};

/** More than this without the end of a tag is no page that a browser shows. */
const longestTagChars = 64 * 1024;

/** `prefix` has no slash at its end. Links to other hosts, and relative ones, stay. */
export const throughProxy = (link: string, prefix: string): string =>
  link.startsWith('/') && !link.startsWith('//') && !link.startsWith(`${prefix}/`) ? prefix + link : link;

function rewriteTag(tag: string, prefix: string): string {
  const element = /^<([a-z]+)/i.exec(tag)?.[1]?.toLowerCase() ?? '';
  const names = attributes[element];
  if (!names) return tag;
  return tag.replace(
    /(\s)([a-z]+)(\s*=\s*)(?:"([^"]*)"|'([^']*)')/gi,
    (whole, space: string, name: string, equals: string, double?: string, single?: string) =>
      names.includes(name.toLowerCase())
        ? `${space}${name}${equals}"${throughProxy(double ?? single ?? '', prefix)}"`
        : whole,
  );
}

export const rewriteLinks = (html: string, prefix: string): string =>
  html.replace(/<[a-z][^<>]*>/gi, (tag) => rewriteTag(tag, prefix));

/** Rewrites as the page streams by; what may be the beginning of a tag waits for the rest. */
export function linkRewriter(prefix: string): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let rest = '';
  return new TransformStream({
    transform(chunk, controller) {
      const text = rest + decoder.decode(chunk, { stream: true });
      const open = text.lastIndexOf('<');
      const cut = open > text.lastIndexOf('>') && text.length - open < longestTagChars ? open : text.length;
      rest = text.slice(cut);
      controller.enqueue(encoder.encode(rewriteLinks(text.slice(0, cut), prefix)));
    },
    flush(controller) {
      controller.enqueue(encoder.encode(rewriteLinks(rest + decoder.decode(), prefix)));
    },
  });
}
