// The bytes of a request body, as many as are allowed.
import { badRequest, StatusError } from '../api/errors.ts';
import { maxBodyBytes } from './limits.ts';

const tooLarge = (limit: number): StatusError =>
  new StatusError('RequestEntityTooLarge', `Request entity too large: limit is ${limit}`);

/** Throws RequestEntityTooLarge without reading on, and BadRequest when the client breaks off. */
export async function readBody(request: Request, limit = maxBodyBytes): Promise<Uint8Array> {
  const declared = Number(request.headers.get('content-length') ?? Number.NaN);
  if (declared > limit) throw tooLarge(limit);
  try {
    // Before `body` is looked at: a host may have the bytes without a stream.
    if (declared >= 0) return new Uint8Array(await request.arrayBuffer());
    return request.body ? await readLimited(request.body, limit) : new Uint8Array();
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw badRequest('the body of the request could not be read');
  }
}

async function readLimited(body: ReadableStream<Uint8Array>, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  if (chunks.length === 1) return chunks[0]!;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
