import cors from 'cors';
import type { RequestHandler } from 'express';
import { z } from 'zod';

/** Of the sites whose pages may call the edge: `https://shop.example`, separated by commas. */
export const Origins = z
  .string()
  .default('')
  .transform((list) => list.split(',').flatMap((each) => each.trim() || []))
  .refine(
    (all) => all.every((each) => URL.canParse(each) && new URL(each).origin === each),
    'must be origins such as https://shop.example',
  );

const ASKED = [
  'authorization',
  'content-type',
  'idempotency-key',
  'if-none-match',
  'last-event-id',
  'prefer',
  'traceparent',
  'x-api-key',
  'x-correlation-id',
  'x-request-id',
];
const TOLD = [
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
const REMEMBER_SECONDS = 600;

/**
 * Says which pages may read answers; where none of another site may, there is nothing to say. No
 * cookie is ever taken, so none needs to be allowed.
 */
export function crossOrigin(origins: readonly string[]): RequestHandler[] {
  if (origins.length === 0) return [];
  return [
    cors({
      origin: [...origins],
      methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
      allowedHeaders: ASKED,
      exposedHeaders: TOLD,
      maxAge: REMEMBER_SECONDS,
      // OPTIONS is answered by its route, which knows its methods
      preflightContinue: true,
    }),
  ];
}
