import cors from 'cors';
import type { RequestHandler } from 'express';
import { z } from 'zod';

/** Origins whose pages may call the API: `https://shop.example`, separated by commas. */
export const Origins = z
  .string()
  .default('')
  .transform((list) => list.split(',').flatMap((each) => each.trim() || []))
  .refine(
    (all) => all.every((each) => URL.canParse(each) && new URL(each).origin === each),
    'must be origins such as https://shop.example',
  );

const REQUEST_HEADERS = [
  'authorization',
  'content-type',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'if-unmodified-since',
  'last-event-id',
  'prefer',
  'traceparent',
  'x-api-key',
  'x-correlation-id',
  'x-request-id',
];
const RESPONSE_HEADERS = [
  'age',
  'etag',
  'ratelimit',
  'ratelimit-policy',
  'retry-after',
  'warning',
  'x-cache',
  'x-correlation-id',
  'x-request-id',
];
/** How long a browser caches a preflight response. */
const PREFLIGHT_SECONDS = 600;

/**
 * CORS for these origins; no middleware at all without any. Credentials are not allowed, since the API
 * reads no cookies.
 */
export function crossOrigin(origins: readonly string[]): RequestHandler[] {
  if (origins.length === 0) return [];
  return [
    cors({
      origin: [...origins],
      methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
      allowedHeaders: REQUEST_HEADERS,
      exposedHeaders: RESPONSE_HEADERS,
      maxAge: PREFLIGHT_SECONDS,
      // the route itself answers OPTIONS, as it knows its methods
      preflightContinue: true,
    }),
  ];
}
