import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isTransient } from '#kit/core/errors';
import { type Money, minor, ofMinor } from '#retail/money';
import { PaymentProcessed, RefundProcessed } from '#contracts/payment';
import { capturedAmount } from './domain';
import { type Bed, bed, ledgerOf } from './testing';

const eur = (units: bigint) => ofMinor(units, 'EUR');
const TOTAL = 1999n;

const token = fc.constantFrom(
  'tok_ok',
  'tok_declined',
  'tok_flaky',
  'tok_timeout',
  'tok_undeliverable_refund_fails_once',
  'tok_capture_flaky',
  'tok_capture_timeout',
  'tok_capture_expired',
);
const operation = fc.oneof(
  fc.constant({ name: 'charge' as const }),
  fc.constant({ name: 'authorize' as const }),
  fc.constant({ name: 'capture' as const }),
  fc.constant({ name: 'void' as const }),
  fc.constant({ name: 'refundAll' as const }),
  fc.record({ name: fc.constant('refundPart' as const), units: fc.bigInt(1n, TOTAL) }),
);
/** Concurrent requests, and the effect after which the process crashes, if it does. */
const step = fc.record({
  operations: fc.array(operation, { minLength: 1, maxLength: 3 }),
  killAfter: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
});

type Operation = typeof operation extends fc.Arbitrary<infer A> ? A : never;

function perform(on: Bed, one: Operation, id: string, tok: string) {
  const orderId = 'o1';
  const target = { case: 'orderId', value: orderId } as const;
  switch (one.name) {
    case 'charge':
    case 'authorize': {
      const order = { orderId, userId: 'ann', amount: eur(TOTAL), method: 'card', token: tok };
      return on.call(one.name, order, { id });
    }
    case 'capture':
      return on.call('capture', { orderId }, { id });
    case 'void':
      return on.call('void', { orderId }, { id });
    case 'refundAll':
      return on.call('refund', { target }, { id });
    case 'refundPart':
      return on.call('refund', { target, amount: eur(one.units) }, { id });
  }
}

test('the stored payment equals the captures less the refunds of the provider, wherever the process crashes', async () => {
  await fc.assert(
    fc.asyncProperty(token, fc.array(step, { minLength: 1, maxLength: 4 }), async (tok, steps) => {
      const on = bed();
      for (const [n, { operations, killAfter }] of steps.entries()) {
        on.injectFaults(killAfter === undefined ? {} : { crashAfterEffect: killAfter });
        // the caller is a service that retries until it has a response, or gives up
        let open = operations.map((one, m) => ({ one, id: `step-${n}-${m}` }));
        for (let tries = 0; tries < 5 && open.length > 0; tries++) {
          const ended = await Promise.allSettled(
            open.map(({ one, id }) => perform(on, one, id, tok)),
          );
          open = open.filter((_, at) => {
            const end = ended[at];
            return end?.status === 'rejected' && isTransient(end.reason);
          });
          if (on.sidecar.dead) on.restart();
        }
        await on.settle();
      }
      await checkBooks(on);
    }),
    { numRuns: 500 },
  );
}, 60_000);

async function checkBooks(on: Bed) {
  const stored = await on.context().payments.get('pay_o1');
  const entry = ledgerOf(on).get('pay_o1');
  const sum = (parts: { amount: Money }[]) =>
    parts.reduce((total, { amount }) => total + minor(amount), 0n);

  const processed = on.published(PaymentProcessed);
  const refunded = sum(on.published(RefundProcessed));
  expect(processed.length).toBeLessThanOrEqual(1);

  const held = entry?.state === 'captured' ? entry : undefined;
  const kept = sum(amountOf(held?.amount)) - sum(held?.refunds ?? []);
  // a capture without a response is unknown here until it is retried or voided
  if (stored !== undefined && stored.status !== 'authorised')
    expect(sum(processed) - refunded).toBe(kept);
  expect(sum(processed)).toBe(sum(amountOf(stored && capturedAmount(stored))));
  expect(sum(stored?.refunds.filter(({ status }) => status === 'done') ?? [])).toBe(refunded);
  expect(stored?.refunds.filter(({ status }) => status === 'pending') ?? []).toEqual([]);
  if (stored?.status === 'voided') expect(kept).toBe(0n);
}

function amountOf(amount: Money | undefined) {
  return amount === undefined ? [] : [{ amount }];
}
