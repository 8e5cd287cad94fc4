import { describe, expect, it } from '@jest/globals';
import { Code, MicroserviceError, invalid, refused } from '#kit/core/errors';
import { EdgeError, toErrorBody } from './errors';

describe('an error of a service', () => {
  it.each([
    ['INVALID_ARGUMENT', 422],
    ['FAILED_PRECONDITION', 422],
    ['UNAUTHENTICATED', 401],
    ['PERMISSION_DENIED', 403],
    ['NOT_FOUND', 404],
    ['ALREADY_EXISTS', 409],
    ['ABORTED', 409],
    ['RESOURCE_EXHAUSTED', 429],
  ] as const)('with %s becomes %d with its message and details', (code, statusCode) => {
    const error = new MicroserviceError('its message', Code[code], { reason: 'because' });
    const details = { reason: 'because' };
    expect(toErrorBody(error)).toEqual({ statusCode, error: 'its message', details });
  });

  it.each([
    ['UNAVAILABLE', 503],
    ['DEADLINE_EXCEEDED', 504],
    ['INTERNAL', 500],
    ['UNKNOWN', 500],
    ['DATA_LOSS', 500],
    ['UNIMPLEMENTED', 500],
    ['CANCELLED', 500],
    ['OUT_OF_RANGE', 500],
  ] as const)('with %s becomes %d without its message', (code, statusCode) => {
    const inner = { reason: 'shard_7', host: '10.0.0.7' };
    const body = toErrorBody(new MicroserviceError('host 10.0.0.7 refused', Code[code], inner));
    expect(body).toEqual({ statusCode, error: expect.any(String), details: {} });
    expect(body.error).not.toContain('10.0.0.7');
  });

  it('keeps fields and reasons in the details', () => {
    const fields = [{ field: 'items.0.quantity', message: 'must be at least 1' }];
    expect(toErrorBody(invalid('items.0.quantity', 'must be at least 1')).details).toEqual({
      fields,
    });
    const details = { reason: 'not_refundable', left: '1.00' };
    expect(toErrorBody(refused('not_refundable', 'no', { left: '1.00' })).details).toEqual(details);
  });
});

it('distinguishes a service that cannot be reached from one that is unavailable', () => {
  const at = (reason: string) =>
    toErrorBody(new MicroserviceError('x', Code.UNAVAILABLE, { reason })).statusCode;
  expect(at('unreachable')).toBe(502);
  expect(at('circuit_open')).toBe(503);
});

it('keeps the message of an error of the edge', () => {
  const refusal = { statusCode: 405, error: 'not here', details: { a: 1 } };
  expect(toErrorBody(new EdgeError(405, 'not here', { a: 1 }))).toEqual(refusal);
});

it('reveals nothing of an unexpected error', () => {
  const nothing = { statusCode: 500, error: 'internal error', details: {} };
  expect(toErrorBody(new TypeError('x is undefined'))).toEqual(nothing);
  expect(toErrorBody(Object.assign(new Error('disk'), { status: 507 }))).toEqual(nothing);
  expect(toErrorBody('text')).toEqual(nothing);
});
