import express, { type NextFunction } from 'express';
import { EdgeError } from './errors';
import type { EdgeRequest, EdgeResponse } from './types';

export const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 32;

type Reader = (
  request: EdgeRequest,
  response: EdgeResponse,
  next: (error?: unknown) => void,
) => void;

// whatever JSON it is, the reader of the request says what it should have been
const json: Reader = express.json({ limit: MAX_BYTES, strict: false, type: () => true });

/** Reads a body of JSON; no body is as good as an empty object. */
export function readBody(request: EdgeRequest, response: EdgeResponse, next: NextFunction): void {
  if (!hasBody(request)) {
    next();
    return;
  }
  if (typeof request.is('application/json') !== 'string') {
    throw new EdgeError(415, 'the body must be JSON (content-type: application/json)');
  }
  json(request, response, (error?: unknown) => {
    if (error !== undefined) next(error);
    else if (isDeeper(request.body, MAX_DEPTH)) {
      next(new EdgeError(400, `the body is nested deeper than ${MAX_DEPTH}`));
    } else next();
  });
}

function hasBody({ headers }: EdgeRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
