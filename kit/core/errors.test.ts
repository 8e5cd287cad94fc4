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

describe('asking again', () => {
  it.each([
    Code.UNAVAILABLE,
    Code.DEADLINE_EXCEEDED,
    Code.RESOURCE_EXHAUSTED,
    Code.ABORTED,
    Code.CANCELLED,
  ])('can help with code %d', (code) => {
    expect(isTransient(new MicroserviceError('later', code))).toBe(true);
  });

  it('cannot help where the domain said no', () => {
    expect(isTransient(refused('out_of_stock', 'there is none left'))).toBe(false);
    expect(isTransient(invalid('quantity', 'must be at least 1'))).toBe(false);
    expect(isTransient(notFound('order'))).toBe(false);
  });

  it('can help with a fault of ours or of the machine', () => {
    expect(isTransient(new TypeError('x is not a function'))).toBe(true);
    expect(isTransient('thrown text')).toBe(true);
    expect(isTransient(undefined)).toBe(true);
  });
});

describe('an error', () => {
  it('names the field that is wrong, for people and for programs', () => {
    const error = invalid('items.0.quantity', 'must be at least 1');
    expect(error.message).toBe('items.0.quantity must be at least 1');
    expect(error.details.fields).toEqual([
      { field: 'items.0.quantity', message: 'must be at least 1' },
    ]);
  });

  it('gives a refusal its reason, whatever the details say', () => {
    const error = refused('out_of_stock', 'none left', { reason: 'other', productId: 'p1' });
    expect(error.code).toBe(Code.FAILED_PRECONDITION);
    expect(error.details).toEqual({ reason: 'out_of_stock', productId: 'p1' });
  });

  it('keeps what caused it', () => {
    const cause = new Error('connection refused');
    expect(unavailable('inventory cannot be reached', { cause }).cause).toBe(cause);
  });
});
