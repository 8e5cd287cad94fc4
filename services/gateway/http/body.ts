import express, { type NextFunction } from 'express';
import { MIMEType } from 'node:util';
import { clientNetwork } from '#kit/core/client-address';
import type { ConcurrencyLimit } from '#kit/core/concurrency-limit';
import { EdgeError } from './errors';
import { parseJson } from './json';
import type { EdgeRequest, EdgeResponse } from './types';

/** Bodies that are being received. A third is kept for clients with few of them. */
export const UNFINISHED_BODIES = {
  total: 300,
  perClient: 20,
  reserved: 100,
  reservedPerClient: 2,
} as const;

/** For a client to send its body, from when the body is read. */
const BODY_MS = 10_000;
/** A body that takes no longer is not counted: head and body usually arrive in two packets. */
const GRACE_MS = 250;

type Parser = (
  request: EdgeRequest,
  response: EdgeResponse,
  next: (error?: unknown) => void,
) => void;

/** Work that is suspended while the request is incomplete: see middleware/load-shedding.ts. */
export interface Suspension {
  suspend(response: EdgeResponse): void;
  /** Throws if there is too much other work by now. */
  resume(response: EdgeResponse): void;
}

/**
 * Reads a JSON body of at most `maxBytes`, in UTF-8, compressed or not. An absent body counts as `{}`, and
 * so does a chunked one without a byte. Unfinished bodies are limited by client, and hold no place of the
 * work that the gateway does concurrently.
 */
export function readBody(maxBytes: number, unfinished: ConcurrencyLimit, work: Suspension) {
  const tooLarge = new EdgeError(413, `the body is larger than ${maxBytes / 1024} KiB`);
  const receive: Parser = express.raw({ limit: maxBytes, type: () => true });
  return (request: EdgeRequest, response: EdgeResponse, next: NextFunction): void => {
    const length = Number(request.headers['content-length'] ?? 0);
    const isChunked = request.headers['transfer-encoding'] !== undefined;
    if (!isChunked && length === 0) {
      next();
      return;
    }
    // a chunked body may turn out to be absent
    if (!isChunked) checkType(request);
    if (length > maxBytes) throw tooLarge;
    if (request.headers.expect !== undefined) response.writeContinue();
    let isOver = false;
    const end = (error?: unknown) => {
      if (isOver) return;
      isOver = true;
      stopWaiting?.();
      if (error !== undefined) {
        next(isTooLarge(error) ? tooLarge : error);
        return;
      }
      try {
        if (stopWaiting !== undefined) work.resume(response);
        request.body = parse(request);
      } catch (failure) {
        next(failure);
        return;
      }
      next();
    };
    const stopWaiting = request.complete
      ? undefined
      : wait(request, response, unfinished, work, end);
    receive(request, response, end);
  };
}

/**
 * Suspends the work on a request until its body is complete, and ends a body that takes too long or is one
 * of too many. Returns the function to call when it has ended.
 */
function wait(
  request: EdgeRequest,
  response: EdgeResponse,
  unfinished: ConcurrencyLimit,
  work: Suspension,
  end: (error: EdgeError) => void,
): () => void {
  work.suspend(response);
  const refuse = (error: EdgeError) => {
    response.set('connection', 'close');
    end(error);
  };
  let giveBack: (() => void) | undefined;
  const grace = setTimeout(() => {
    const place = unfinished.take(clientNetwork(request.ip));
    if (typeof place === 'function') giveBack = place;
    else {
      response.set('retry-after', '1');
      refuse(
        place === 'client'
          ? new EdgeError(429, 'too many of your requests are incomplete, try again later')
          : new EdgeError(503, 'the service is overloaded, try again later'),
      );
    }
  }, GRACE_MS);
  const limit = setTimeout(() => {
    refuse(new EdgeError(408, `the body was not received in ${BODY_MS / 1000} seconds`));
  }, BODY_MS);
  const stop = () => {
    clearTimeout(grace);
    clearTimeout(limit);
    giveBack?.();
  };
  // also if the client disconnects
  response.once('close', stop);
  return stop;
}

function checkType(request: EdgeRequest): void {
  const { 'content-type': text = '' } = request.headers;
  if (typeof request.is('application/json') !== 'string' || !MIME.test(text)) {
    throw new EdgeError(415, 'the body must be JSON (content-type: application/json)');
  }
  const charset = new MIMEType(text).params.get('charset');
  if (charset === null || /^utf-?8$/i.test(charset)) return;
  const named = /^[\w.:-]{1,40}$/.test(charset) ? charset : 'another charset';
  throw new EdgeError(415, `the body must be JSON in UTF-8, not in ${named}`);
}

/** What MIMEType accepts of a type: it throws otherwise. */
const MIME = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+[\t ]*(?:;|$)/;

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parse(request: EdgeRequest): unknown {
  const { body: bytes } = request;
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) return undefined;
  checkType(request);
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new EdgeError(400, 'the body is not UTF-8');
  }
  return parseJson(text);
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'status' in error && error.status === 413;
}
