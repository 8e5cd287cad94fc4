import { describe, expect, it, test } from '@jest/globals';
import { MAX_ATTEMPTS, POISON_MS } from '#kit/delivery/parking/parked-event';
import { asService } from '#kit/core/caller';
import { Code } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { VendCompleted, VendUnpaid } from '#contracts/vending';
import { FakeServices, failure, price } from '../testing/fake-services';
import {
  type Bed,
  afterRun,
  bedWith,
  machine,
  pendingVend,
  reportResult,
  slotIn,
  stepsOf,
  vendIn,
} from '../testing/fixtures';

const location = { vendId: 'v1', machineId: 'm1', shopId: 'shop_1', slot: 'A1', productId: 'tea' };
const payload = { ...location, quantity: 1 };
const jobsOf = (bed: Bed) => [...bed.memory.jobs.keys()];

describe('a dispensed vend whose payment is not known to be captured', () => {
  it.each(['tok_capture_flaky', 'tok_capture_timeout'])('is settled later: %s', async (token) => {
    const { bed, services } = await afterRun(token);
    await reportResult(bed, 'acknowledged');
    expect(await vendIn(bed)).toMatchObject({ status: 'settling' });
    expect(bed.memory.events).toEqual([]);
    expect(jobsOf(bed)).toEqual(['settle.v1.1']);
    expect(bed.memory.jobs.get('settle.v1.1')).toMatchObject({ dueTime: '2s' });

    await bed.runJob('settle.v1.1');
    expect(await vendIn(bed)).toMatchObject({ status: 'settling' });
    expect(bed.memory.jobs.get('settle.v1.2')).toMatchObject({ dueTime: '4s' });

    await bed.runJob('settle.v1.2');
    const vend = await vendIn(bed);
    expect(vend).toMatchObject({ status: 'completed' });
    expect(services.outcome()).toEqual({ sold: true, paid: true });
    expect(await slotIn(bed)).toMatchObject({ quantity: 2, claimed: 0 });
    expect(bed.published(VendCompleted)).toHaveLength(1);

    // no retry is left
    expect(jobsOf(bed)).not.toContain('settle.v1.3');
  });

  it('is retried at growing intervals of at most an hour', async () => {
    const { bed, services } = await afterRun();
    services.failNext('capture', failure(Code.UNAVAILABLE), 30);
    await reportResult(bed, 'acknowledged');
    for (let attempt = 1; attempt <= 13; attempt++) await bed.runJob(`settle.v1.${attempt}`);
    const due = [11, 12, 13].map((nth) => bed.memory.jobs.get(`settle.v1.${nth}`)?.dueTime);
    expect(due).toEqual(['2048s', '3600s', '3600s']);
    expect(await vendIn(bed)).toMatchObject({ status: 'settling' });
  });

  it('becomes unpaid, and that is published, if the payment cannot be captured any more', async () => {
    const { bed, services } = await afterRun('tok_capture_expired');
    await reportResult(bed, 'acknowledged');
    const vend = await vendIn(bed);
    expect(vend).toMatchObject({ status: 'unpaid', reason: 'authorisation_expired' });
    expect(stepsOf(vend).at(-1)).toBe('capture refused');
    expect(services.outcome()).toEqual({ sold: true, paid: false });
    expect(bed.published(VendUnpaid)).toEqual([
      { ...payload, price, reason: 'authorisation_expired' },
    ]);
    expect(bed.published(VendCompleted)).toEqual([]);
  });
});

describe('a vend whose services are unavailable', () => {
  it.each(['commit', 'capture'])('is completed later: %s', async (method) => {
    const { bed, services } = await afterRun();
    services.failNext(method, failure(Code.UNAVAILABLE));
    expect(await reportResult(bed, 'acknowledged')).toBe('SUCCESS');
    await bed.runJob('settle.v1.1');
    expect(await vendIn(bed)).toMatchObject({ status: 'completed' });
    expect(services.outcome()).toEqual({ sold: true, paid: true });
  });

  it.each(['release', 'void'])('is compensated later: %s', async (method) => {
    const { bed, services } = await afterRun();
    services.failNext(method, failure(Code.DEADLINE_EXCEEDED));
    expect(await reportResult(bed, 'failed', { reason: 'jammed' })).toBe('SUCCESS');
    expect(await vendIn(bed)).toMatchObject({ status: 'cancelling' });
    await bed.runJob('settle.v1.1');
    expect(await vendIn(bed)).toMatchObject({ status: 'cancelled', reason: 'not_dispensed' });
    expect(services.outcome()).toEqual({ sold: false, paid: false });
  });

  it('becomes a dead letter if a compensation is refused, and its replay continues', async () => {
    const { bed, services } = await afterRun();
    services.failNext('release', failure(Code.FAILED_PRECONDITION), MAX_ATTEMPTS + 1);
    for (let tries = 0; tries < MAX_ATTEMPTS; tries++) await reportResult(bed, 'expired');
    bed.clock.advance(POISON_MS);
    await reportResult(bed, 'expired');
    const { letters } = await bed.runtime.deadLetters.page(1, 10);
    expect(letters).toMatchObject([{ type: 'device.command.settled' }]);
    await bed.runtime.replay(letters[0]?.id ?? '');
    expect(await vendIn(bed)).toMatchObject({ status: 'cancelled' });
  });
});

describe('a retry', () => {
  it.each([
    ['acknowledged', 'capture', 1],
    ['acknowledged', 'capture', 9],
    ['failed', 'void', 1],
    ['failed', 'void', 9],
  ] as const)('is crash safe: %s, %s unavailable %i times', async (outcome, method, times) => {
    await expectCrashSafe(
      async () => {
        const { bed, services } = await afterRun();
        services.failNext(method, failure(Code.UNAVAILABLE), times);
        await reportResult(bed, outcome);
        return bed;
      },
      (bed) => bed.runJob('settle.v1.1'),
    );
  });
});

test('a retry job works for the tenant of its vend', async () => {
  const services = new FakeServices();
  const bed = await bedWith([], services);
  const other = bed.context(asService('other'));
  await other.machines.update('m1', () => machine());
  await other.vends.update('v9', () => ({ ...pendingVend('tok_ok', 'v9'), status: 'settling' }));
  services.money.set('v9', 'authorised');
  services.stock.set('v9', 'held');
  const data = { tenantId: 'other', vendId: 'v9', attempt: 1 };
  await bed.context(asService()).jobs.once('settle', 'v9.1', '5s', data);
  await bed.runJob('settle.v9.1');
  expect(await bed.context(asService('other')).vends.getOrThrow('v9')).toMatchObject({
    status: 'completed',
  });
  expect(bed.memory.events).toMatchObject([{ type: 'vend.completed', tenantid: 'other' }]);
});
