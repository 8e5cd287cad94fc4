import { describe, expect, it } from '@jest/globals';
import { PaymentMeans } from './payment-means';

describe('a means of payment', () => {
  it.each(['card', 'bank_transfer'])('can have the method %s', (method) => {
    expect(PaymentMeans.safeParse({ method, token: 'tok_1' }).success).toBe(true);
  });

  it.each(['', 'Card', 'card-1', '_card', 'a'.repeat(33)])(
    'cannot have the method "%s"',
    (method) => {
      expect(PaymentMeans.safeParse({ method, token: 'tok_1' }).success).toBe(false);
    },
  );

  it('has the token of a provider, never a card number', () => {
    const accepts = (token: string) => PaymentMeans.safeParse({ method: 'card', token }).success;
    expect(['tok_visa', 'a', '1a'].every(accepts)).toBe(true);
    expect(['', '4111111111111111', '4111-1111-1111-1111', 'tok visa'].some(accepts)).toBe(false);
  });
});
