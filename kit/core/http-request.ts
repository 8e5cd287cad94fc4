import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';

/** Why a request is refused before it is routed. */
export interface RequestFault {
  readonly status: 400 | 414 | 431 | 501 | 505;
  readonly message: string;
}

/** Header lines of a request: browsers and proxies send about 30. */
export const MAX_HEADERS = 100;
/** Characters of a request target. */
export const MAX_TARGET = 4_096;
/** Parameters of a query. No route has more than ten. */
export const MAX_PARAMETERS = 50;

const HOST = /^(?:[a-z\d._-]{1,253}|\[[\da-f:.]{2,45}\])(?::\d{1,5})?$/i;
/** Visible ASCII without `#`: a fragment is never sent. */
const TARGET = /^[\x21\x22\x24-\x7e]*$/;
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;
/** Characters that mean the same encoded and not (RFC 3986, section 2.3), in their encoded form. */
const ENCODED_UNRESERVED = /%(?:2d|2e|3\d|4[1-9a-f]|5[\da]|5f|6[1-9a-f]|7[\da]|7e)/gi;
const DOT_SEGMENT = /\/\.\.?(?:\/|$)/;
const NOT_ASCII = /[\x80-\xff]/;

/** Headers that a request has at most once: with two, a proxy and this process could read different ones. */
const SINGLE: ReadonlySet<string> = new Set([
  ...['host', 'authorization', 'x-api-key', 'content-type', 'content-encoding', 'content-length'],
  ...['transfer-encoding', 'expect', 'idempotency-key', 'last-event-id', 'if-modified-since'],
  'if-unmodified-since',
]);

const faults = new WeakMap<IncomingMessage, RequestFault>();

/**
 * Checks what Node's parser leaves open, and rewrites the target to its one normal form: the path and the
 * query without scheme and host, with unreserved characters of the path unencoded. Routes, limits and
 * permissions then see the same path however a client spells it; `%2570` stays encoded. Call it once, first.
 */
export function prepareRequest(request: IncomingMessage): void {
  const { url = '' } = request;
  const host = ABSOLUTE.exec(url);
  const fault = headerFault(request) ?? targetFault(url, host?.[1], request.headers.host);
  if (fault !== undefined) faults.set(request, fault);
  request.url = normalTarget(host === null ? url : url.slice(host[0].length));
}

/** The fault that `prepareRequest` found in a request. */
export function faultOf(request: IncomingMessage): RequestFault | undefined {
  return faults.get(request);
}

function headerFault({
  httpVersion,
  rawHeaders,
  headers,
}: IncomingMessage): RequestFault | undefined {
  if (httpVersion === '0.9') return malformed('the request line has no HTTP version');
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    return { status: 505, message: 'the HTTP version must be 1.1 or 1.0' };
  }
  if (rawHeaders.length / 2 > MAX_HEADERS) {
    return { status: 431, message: `the request has more than ${MAX_HEADERS} header lines` };
  }
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    if (SINGLE.has(name)) {
      if (seen.has(name)) return malformed(`the header ${name} must be sent once`);
      seen.add(name);
    }
    const value = rawHeaders[at + 1] ?? '';
    // Node decodes header values as latin1, which keeps every byte
    if (NOT_ASCII.test(value) && !isUtf8(Buffer.from(value, 'latin1'))) {
      return malformed(`the header ${name.slice(0, 64)} is not UTF-8`);
    }
  }
  if (headers.host === undefined) return malformed('the header host is missing');
  if (!HOST.test(headers.host)) return malformed('the header host is not valid');
  const coding = headers['transfer-encoding'];
  if (coding === undefined) return undefined;
  if (httpVersion === '1.0') return malformed('HTTP/1.0 has no transfer-encoding');
  if (coding.toLowerCase() === 'chunked') return undefined;
  return { status: 501, message: 'the transfer-encoding must be chunked' };
}

function targetFault(
  url: string,
  targetHost: string | undefined,
  host: string | undefined,
): RequestFault | undefined {
  if (url.length > MAX_TARGET) {
    return { status: 414, message: `the URL is longer than ${MAX_TARGET} characters` };
  }
  if (!TARGET.test(url)) return malformed('the URL has characters that must be percent-encoded');
  if (targetHost !== undefined && targetHost.toLowerCase() !== host?.toLowerCase()) {
    return malformed('the host of the URL is not that of the header host');
  }
  if (targetHost === undefined && !url.startsWith('/') && url !== '*') {
    return malformed('the URL must be a path');
  }
  const [path = '', ...query] = url.split('?');
  if (!isEncodedUtf8(path)) return malformed('the path is not percent-encoded UTF-8');
  if (DOT_SEGMENT.test(unreserved(path))) return malformed('the path has a segment of dots');
  const parameters = query.join('?');
  if (!isEncodedUtf8(parameters)) return malformed('the query is not percent-encoded UTF-8');
  if (parameters.split('&').length > MAX_PARAMETERS) {
    return malformed(`the query has more than ${MAX_PARAMETERS} parameters`);
  }
  return undefined;
}

function normalTarget(url: string): string {
  const target = url.startsWith('/') || url === '*' ? url : `/${url}`;
  if (!target.includes('%')) return target;
  const end = target.indexOf('?');
  return end < 0 ? unreserved(target) : unreserved(target.slice(0, end)) + target.slice(end);
}

const unreserved = (path: string) =>
  path.replace(ENCODED_UNRESERVED, (each) => String.fromCharCode(parseInt(each.slice(1), 16)));

function isEncodedUtf8(text: string): boolean {
  if (!text.includes('%')) return true;
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function malformed(message: string): RequestFault {
  return { status: 400, message };
}
