import { describe, expect, it } from '@jest/globals';
import { Code, MicroserviceError, invalid, refused } from '#kit/core/errors';
import { EdgeError, toErrorAnswer } from './errors';

describe('what a service said', () => {
  it.each([
    ['INVALID_ARGUMENT', 422],
    ['FAILED_PRECONDITION', 422],
    ['UNAUTHENTICATED', 401],
    ['PERMISSION_DENIED', 403],
    ['NOT_FOUND', 404],
    ['ALREADY_EXISTS', 409],
    ['ABORTED', 409],
    ['RESOURCE_EXHAUSTED', 429],
  ] as const)('with %s is told as %d, in its words', (code, statusCode) => {
    const error = new MicroserviceError('in its words', Code[code], { reason: 'because' });
    const details = { reason: 'because' };
    expect(toErrorAnswer(error)).toEqual({ statusCode, error: 'in its words', details });
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
  ] as const)('with %s is told as %d, without its words', (code, statusCode) => {
    const inner = { reason: 'shard_7', host: '10.0.0.7' };
    const refusal = toErrorAnswer(
      new MicroserviceError('host 10.0.0.7 refused', Code[code], inner),
    );
    expect(refusal).toEqual({ statusCode, error: expect.any(String), details: {} });
    expect(refusal.error).not.toContain('10.0.0.7');
  });

  it('names fields and reasons', () => {
    const fields = [{ field: 'items.0.quantity', message: 'must be at least 1' }];
    expect(toErrorAnswer(invalid('items.0.quantity', 'must be at least 1')).details).toEqual({
      fields,
    });
    const details = { reason: 'not_refundable', left: '1.00' };
    expect(toErrorAnswer(refused('not_refundable', 'no', { left: '1.00' })).details).toEqual(
      details,
    );
  });
});

it('tells a service that cannot be reached from one that cannot do it', () => {
  const at = (reason: string) =>
    toErrorAnswer(new MicroserviceError('x', Code.UNAVAILABLE, { reason })).statusCode;
  expect(at('unreachable')).toBe(502);
  expect(at('circuit_open')).toBe(503);
});

it('tells what the edge refuses in its own words', () => {
  const refusal = { statusCode: 405, error: 'not here', details: { a: 1 } };
  expect(toErrorAnswer(new EdgeError(405, 'not here', { a: 1 }))).toEqual(refusal);
});

it('tells nothing of what nobody foresaw', () => {
  const nothing = { statusCode: 500, error: 'internal error', details: {} };
  expect(toErrorAnswer(new TypeError('x is undefined'))).toEqual(nothing);
  expect(toErrorAnswer(Object.assign(new Error('disk'), { status: 507 }))).toEqual(nothing);
  expect(toErrorAnswer('text')).toEqual(nothing);
});
