import { describe, expect, it } from '@jest/globals';
import {
  Code,
  MicroserviceError,
  invalid,
  isTransient,
  notFound,
  refused,
  unavailable,
} from './errors';

describe('a retry', () => {
  it.each([
    Code.UNAVAILABLE,
    Code.DEADLINE_EXCEEDED,
    Code.RESOURCE_EXHAUSTED,
    Code.ABORTED,
    Code.CANCELLED,
  ])('may succeed after code %d', (code) => {
    expect(isTransient(new MicroserviceError('later', code))).toBe(true);
  });

  it('cannot succeed after a refusal by the domain', () => {
    expect(isTransient(refused('out_of_stock', 'there is none left'))).toBe(false);
    expect(isTransient(invalid('quantity', 'must be at least 1'))).toBe(false);
    expect(isTransient(notFound('order'))).toBe(false);
  });

  it('may succeed after an error that is not a MicroserviceError', () => {
    expect(isTransient(new TypeError('x is not a function'))).toBe(true);
    expect(isTransient('thrown text')).toBe(true);
    expect(isTransient(undefined)).toBe(true);
  });
});

describe('an error', () => {
  it('names the invalid field in its message and in its details', () => {
    const error = invalid('items.0.quantity', 'must be at least 1');
    expect(error.message).toBe('items.0.quantity must be at least 1');
    expect(error.details.fields).toEqual([
      { field: 'items.0.quantity', message: 'must be at least 1' },
    ]);
  });

  it('of a refusal has the given reason even if the details contain another', () => {
    const error = refused('out_of_stock', 'none left', { reason: 'other', productId: 'p1' });
    expect(error.code).toBe(Code.FAILED_PRECONDITION);
    expect(error.details).toEqual({ reason: 'out_of_stock', productId: 'p1' });
  });

  it('keeps its cause', () => {
    const cause = new Error('connection refused');
    expect(unavailable('inventory cannot be reached', { cause }).cause).toBe(cause);
  });
});
