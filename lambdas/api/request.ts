// An event of API Gateway's REST proxy integration as the web Request that it was.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
import type { APIGatewayProxyEvent } from 'aws-lambda';
import { badRequest } from '../../core/api/errors.ts';
import type { Peer } from '../../core/apiserver/server.ts';

/** What is used of the event; emulators leave out what nobody uses. */
export type ProxyEvent = Pick<APIGatewayProxyEvent, 'httpMethod' | 'path' | 'body' | 'isBase64Encoded'> &
  Partial<
    Pick<
      APIGatewayProxyEvent,
      'headers' | 'multiValueHeaders' | 'queryStringParameters' | 'multiValueQueryStringParameters' | 'pathParameters'
    >
  > & { requestContext?: { domainName?: string; identity?: { sourceIp?: string } } };

/** A name or an address, with or without a port: nothing that could end the host and begin a path. */
const hostPattern = /^[\w.-]+(:\d+)?$|^\[[\da-fA-F:.]+\](:\d+)?$/;

/** Throws BadRequest for what is no HTTP request. */
export function requestOf(event: ProxyEvent, signal?: AbortSignal): Request {
  const headers = headersOf(event);
  const method = event.httpMethod.toUpperCase();
  const host = [headers.get('host'), event.requestContext?.domainName].find((name) => hostPattern.test(name ?? ''));
  const query = queryOf(event).toString();
  const url = `https://${host ?? 'localhost'}${pathOf(event)}${query ? `?${query}` : ''}`;
  // The web's Request has no body here; Kubernetes reads none either.
  const body = method === 'GET' || method === 'HEAD' ? undefined : bodyOf(event);
  try {
    return new Request(url, { method, headers, ...(body ? { body } : {}), ...(signal ? { signal } : {}) });
  } catch (error) {
    throw badRequest(`the request cannot be read: ${(error as Error).message}`);
  }
}

/** Who calls, as far as the connection says it. Nobody shows a certificate to API Gateway. */
export function peerOf({ requestContext }: ProxyEvent): Peer {
  const address = requestContext?.identity?.sourceIp;
  return address ? { address } : {};
}

/**
 * The path below the stage, percent-encoded as it was sent. It stands in the event as it was sent; behind a domain name of
 * one's own the base path comes first, which the decoded path parameter has not.
 */
function pathOf({ path, pathParameters }: ProxyEvent): string {
  const proxied = pathParameters?.['proxy'];
  const own = proxied === undefined ? path : (suffixThatIs(path, proxied) ?? path);
  // An emulator may have decoded it: what would end the path is put back.
  const encoded = own.replaceAll('?', '%3F').replaceAll('#', '%23').replaceAll('\\', '%5C');
  return encoded.startsWith('/') ? encoded : `/${encoded}`;
}

function suffixThatIs(path: string, proxied: string): string | undefined {
  const wanted = proxied.replace(/\/$/, '');
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
    const rest = path.slice(at + 1).replace(/\/$/, '');
    if (rest === wanted || decodedOrSame(rest) === wanted) return path.slice(at);
  }
  return undefined;
}

const decodedOrSame = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

function queryOf({
  multiValueQueryStringParameters: many,
  queryStringParameters: single,
}: ProxyEvent): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, values] of Object.entries(many ?? {})) for (const value of values ?? []) query.append(name, value);
  if (!many) for (const [name, value] of Object.entries(single ?? {})) query.append(name, value ?? '');
  return query;
}

function headersOf({ multiValueHeaders: many, headers: single }: ProxyEvent): Headers {
  const headers = new Headers();
  try {
    for (const [name, values] of Object.entries(many ?? {}))
      for (const value of values ?? []) headers.append(name, value);
    if (!many) for (const [name, value] of Object.entries(single ?? {})) headers.append(name, value ?? '');
  } catch {
    throw badRequest('a header cannot be read');
  }
  return headers;
}

function bodyOf({ body, isBase64Encoded }: ProxyEvent): Uint8Array<ArrayBuffer> | undefined {
  if (!body) return undefined;
  return new Uint8Array(Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'));
}
