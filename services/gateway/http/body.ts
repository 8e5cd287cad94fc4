import express, { type NextFunction } from 'express';
import { EdgeError } from './errors';
import type { EdgeRequest, EdgeResponse } from './types';

export const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 32;

type Parser = (
  request: EdgeRequest,
  response: EdgeResponse,
  next: (error?: unknown) => void,
) => void;

// accepts any JSON value: request-reader.ts then names what it should have been
const parseJson: Parser = express.json({ limit: MAX_BYTES, strict: false, type: () => true });

/** Parses a JSON body of at most MAX_BYTES and MAX_DEPTH levels. An absent body counts as `{}`. */
export function readBody(request: EdgeRequest, response: EdgeResponse, next: NextFunction): void {
  if (!hasBody(request)) {
    next();
    return;
  }
  if (typeof request.is('application/json') !== 'string') {
    throw new EdgeError(415, 'the body must be JSON (content-type: application/json)');
  }
  parseJson(request, response, (error?: unknown) => {
    if (error !== undefined) next(error);
    else if (isDeeper(request.body, MAX_DEPTH)) {
      next(new EdgeError(400, `the body is nested deeper than ${MAX_DEPTH} levels`));
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
