// A streamed body as lines of text: watches and followed logs.

/**
 * Yields each line without its line feed, and a last one that has none. Cancels the body when the reader stops early.
 * Errors of the body (a connection that breaks) are thrown as they come.
 */
export async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let done = false;
  try {
    for (;;) {
      const chunk = await reader.read();
      if (chunk.done) break;
      const text = decoder.decode(chunk.value, { stream: true });
      let from = 0;
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
        const line = rest + text.slice(from, at);
        rest = '';
        from = at + 1;
        yield line;
      }
      rest += text.slice(from);
    }
    done = true;
    if (rest) yield rest;
  } finally {
    if (!done) await reader.cancel().catch(() => undefined);
  }
}
