// How long an answer may take, so that it ends by itself before somebody else ends it.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html
import { requestInfo } from '../../core/apiserver/request-info.ts';
import type { RequestInfo } from '../../core/apiserver/server.ts';

/** API Gateway ends a streamed answer after 15 minutes. */
const longestStreamMs = 14.5 * 60_000;
/** And a regional one in which nothing came for 5. */
export const quietLimitMs = 4.5 * 60_000;
/** Nothing but white space between the events of a watch keeps it open; its own bookmarks come each minute. */
export const keepAliveMs = 75_000;
/** What is left to a function for the end of its answer. */
const marginMs = 3_000;
/** A buffered watch is answered after this long with what came: its client goes on from there. */
const bufferedWatchMs = 3_000;
/** API Gateway waits this long for a buffered answer, less a second. */
const longestBufferedMs = 28_000;

export interface Limits {
  /** For a watch. */
  watchMs: number;
  /** For anything else. */
  answerMs: number;
}

/** `remainingMs`: what the function has left. */
export function limitsOf(responses: 'stream' | 'buffer', remainingMs: number): Limits {
  const left = Math.max(1_000, remainingMs - marginMs);
  if (responses === 'stream')
    return { watchMs: Math.min(left, longestStreamMs), answerMs: Math.min(left, longestStreamMs) };
  return { watchMs: Math.min(left, bufferedWatchMs), answerMs: Math.min(left, longestBufferedMs) };
}

/** What a request asks for; undefined for a path that cannot be read, which the API itself refuses. */
export function infoOf(request: Request): RequestInfo | undefined {
  const url = new URL(request.url);
  try {
    return requestInfo(request.method, url, url.searchParams);
  } catch {
    return undefined;
  }
}

/** The same request, with a watch that ends in time. What is no number is left for the API to refuse. */
export function withWatchLimit(request: Request, { watchMs }: Limits): Request {
  const url = new URL(request.url);
  const asked = url.searchParams.get('timeoutSeconds');
  if (asked !== null && !/^\d+$/.test(asked)) return request;
  const mostSeconds = Math.max(1, Math.floor(watchMs / 1_000));
  const seconds = Number(asked ?? 0) > 0 ? Math.min(Number(asked), mostSeconds) : mostSeconds;
  url.searchParams.set('timeoutSeconds', String(seconds));
  return new Request(url, request);
}
