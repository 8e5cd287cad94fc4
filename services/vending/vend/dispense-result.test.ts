import { describe, expect, it, test } from '@jest/globals';
import { Code } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import {
  SlotFaulted,
  StockMissing,
  VendCancelled,
  VendCompleted,
  VendUnpaid,
} from '#contracts/vending';
import { FakeServices, failure, price } from '../testing/fake-services';
import {
  type Bed,
  afterRun,
  bedWith,
  machine,
  pendingVend,
  reportFaults,
  reportResult,
  runVend,
  slotIn,
  stepsOf,
  vendIn,
} from '../testing/fixtures';

const location = { vendId: 'v1', machineId: 'm1', shopId: 'shop_1', slot: 'A1', productId: 'tea' };
const payload = { ...location, quantity: 1 };
const jobsOf = (bed: Bed) => [...bed.memory.jobs.keys()];

describe('a machine that dispensed', () => {
  it('completes the vend: it is paid, and the slot and the stock have one piece less', async () => {
    const { bed, services } = await afterRun();
    services.clock.advance(4_000);
    await reportResult(bed, 'acknowledged');
    const vend = await vendIn(bed);
    expect(vend).toMatchObject({ status: 'completed', undo: [] });
    expect(stepsOf(vend).slice(3)).toEqual([
      'dispense done',
      'take done',
      'commit done',
      'capture done',
    ]);
    // since the last change before, which was the second one in its millisecond
    expect(vend.story.steps[3]).toMatchObject({ ms: 3_999 });
    expect(services.outcome()).toEqual({ sold: true, paid: true });
    expect(await slotIn(bed)).toEqual({ quantity: 2, claimed: 0, fault: undefined });
    expect(bed.published(VendCompleted)).toEqual([
      { ...payload, channel: 'cashless', price, userId: 'ann' },
    ]);
    expect(bed.memory.events.map(({ type }) => type)).toEqual(['vend.completed']);
    expect(jobsOf(bed)).toEqual([]);
  });

  it('completes the vend once, however often it reports', async () => {
    const { bed, services } = await afterRun();
    for (let times = 0; times < 2; times++) await reportResult(bed, 'acknowledged');
    await reportResult(bed, 'expired');
    await reportResult(bed, 'failed');
    expect(await vendIn(bed)).toMatchObject({ status: 'completed' });
    expect(services.outcome()).toEqual({ sold: true, paid: true });
    expect(await slotIn(bed)).toEqual({ quantity: 2, claimed: 0, fault: undefined });
    expect(bed.published(VendCompleted)).toHaveLength(1);
  });

  it('that sold its last piece refuses the next buyer', async () => {
    const bed = await bedWith(
      [pendingVend(), pendingVend('tok_ok', 'v2')],
      new FakeServices(),
      machine(1),
    );
    await runVend(bed);
    await reportResult(bed, 'acknowledged');
    await runVend(bed, 'v2');
    expect(await vendIn(bed, 'v2')).toMatchObject({ status: 'cancelled', reason: 'out_of_stock' });
  });

  it('completes the vend though its reservation was released meanwhile, and the piece is published as missing', async () => {
    const { bed, services } = await afterRun();
    services.stock.set('v1', 'released');
    await reportResult(bed, 'acknowledged');
    expect(await vendIn(bed)).toMatchObject({ status: 'completed' });
    expect(bed.published(StockMissing)).toEqual([
      { ...payload, missingInSlot: 0, missingInStock: 1 },
    ]);
  });
});

describe('a machine that could not dispense', () => {
  it('has its vend cancelled and its slot disabled', async () => {
    const { bed, services } = await afterRun();
    await reportResult(bed, 'failed', { reason: 'jammed' });
    const vend = await vendIn(bed);
    expect(vend).toMatchObject({ status: 'cancelled', reason: 'not_dispensed' });
    expect(stepsOf(vend).slice(3)).toEqual([
      'dispense refused',
      'release done',
      'void done',
      'unclaim done',
    ]);
    expect(services.outcome()).toEqual({ sold: false, paid: false });
    expect(services.pieces.get('tea')).toBe(10);
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 0, fault: 'jammed' });
    expect(bed.published(VendCancelled)).toEqual([
      { ...payload, userId: 'ann', reason: 'not_dispensed' },
    ]);
    const { vendId, quantity, ...slot } = payload;
    expect(bed.published(SlotFaulted)).toEqual([{ ...slot, fault: 'jammed' }]);
  });

  it('has its slot disabled even if it gives no reason', async () => {
    const { bed } = await afterRun();
    await reportResult(bed, 'failed');
    expect(await slotIn(bed)).toMatchObject({ fault: 'not_dispensed' });
  });
});

describe('a machine that does not answer', () => {
  const afterExpiry = async (token = 'tok_ok') => {
    const { bed, services } = await afterRun(token);
    services.clock.advance(31_000);
    await reportResult(bed, 'expired');
    return { bed, services };
  };

  it('has its vend cancelled and its slot suspect', async () => {
    const { bed, services } = await afterExpiry();
    const vend = await vendIn(bed);
    expect(vend).toMatchObject({ status: 'cancelled', reason: 'machine_silent' });
    expect(stepsOf(vend)[3]).toBe('dispense unknown');
    expect(services.outcome()).toEqual({ sold: false, paid: false });
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 0, fault: 'suspect' });
    expect(bed.published(SlotFaulted)).toMatchObject([{ fault: 'suspect' }]);
  });

  it('sells from the slot again when a fault report does not list it', async () => {
    const { bed, services } = await afterExpiry();
    await reportFaults(
      bed,
      [{ code: 'door_open' }],
      2,
      new Date(services.clock.now()).toISOString(),
    );
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 0, fault: undefined });
  });

  it('and reports later that it dispensed: the vend is unpaid, and slot and stock have one piece less', async () => {
    const { bed, services } = await afterExpiry();
    await reportResult(bed, 'acknowledged', { late: true });
    const vend = await vendIn(bed);
    expect(vend).toMatchObject({ status: 'unpaid', reason: 'machine_silent' });
    expect(services.outcome()).toEqual({ sold: true, paid: false });
    expect(services.pieces.get('tea')).toBe(9);
    expect(await slotIn(bed)).toEqual({ quantity: 2, claimed: 0, fault: undefined });
    expect(bed.published(VendCancelled)).toHaveLength(1);
    expect(bed.published(VendUnpaid)).toEqual([{ ...payload, price, reason: 'machine_silent' }]);
    expect(bed.published(StockMissing)).toEqual([]);
    expect(vend.story.events.map(({ type }) => type)).toEqual([
      'slot.faulted',
      'vend.cancelled',
      'vend.unpaid',
    ]);
  });

  it('and dispensed a piece that was sold to another buyer meanwhile: it is published as missing', async () => {
    const { bed, services } = await afterExpiry();
    services.pieces.set('tea', 0);
    await reportResult(bed, 'acknowledged', { late: true });
    expect(await vendIn(bed)).toMatchObject({ status: 'unpaid' });
    expect(bed.published(StockMissing)).toEqual([
      { ...payload, missingInSlot: 0, missingInStock: 1 },
    ]);
  });

  it('and reports later that it could not dispense: its slot gets the reported fault', async () => {
    const { bed } = await afterExpiry();
    await reportResult(bed, 'failed', { reason: 'jammed', late: true });
    expect(await vendIn(bed)).toMatchObject({ status: 'cancelled', reason: 'machine_silent' });
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 0, fault: 'jammed' });
    expect(bed.published(SlotFaulted).map(({ fault }) => fault)).toEqual(['suspect', 'jammed']);
  });

  it('but reports before the expiry is published: the vend is completed', async () => {
    const { bed, services } = await afterRun();
    await reportResult(bed, 'acknowledged', { late: true });
    await reportResult(bed, 'expired');
    expect(await vendIn(bed)).toMatchObject({ status: 'completed' });
    expect(services.outcome()).toEqual({ sold: true, paid: true });
    expect(await slotIn(bed)).toMatchObject({ fault: undefined });
  });

  it('and reports while its vend is being cancelled: the cancellation is completed first', async () => {
    const { bed, services } = await afterRun();
    services.failNext('void', failure(Code.UNAVAILABLE));
    await reportResult(bed, 'expired');
    expect(await vendIn(bed)).toMatchObject({ status: 'cancelling' });
    await reportResult(bed, 'acknowledged', { late: true });
    expect(await vendIn(bed)).toMatchObject({ status: 'unpaid' });
    expect(services.outcome()).toEqual({ sold: true, paid: false });
    expect(bed.published(VendCancelled)).toHaveLength(1);
  });
});

test('the result of a command of another service has no effect', async () => {
  const { bed } = await afterRun();
  const before = bed.sidecar.effects;
  expect(await reportResult(bed, 'acknowledged', { commandId: 'another' })).toBe('SUCCESS');
  expect(await reportResult(bed, 'acknowledged', { name: 'reboot' })).toBe('SUCCESS');
  expect(bed.sidecar.effects).toBe(before);
});

describe('a result is crash safe', () => {
  const bedAfterRun = async (token: string) => (await afterRun(token)).bed;

  it.each([
    ['acknowledged', 'tok_ok'],
    ['acknowledged', 'tok_capture_expired'],
    ['acknowledged', 'tok_capture_flaky'],
    ['acknowledged', 'tok_capture_timeout'],
    ['failed', 'tok_ok'],
    ['expired', 'tok_ok'],
  ] as const)('%s, %s', async (outcome, token) => {
    await expectCrashSafe(
      () => bedAfterRun(token),
      (bed) => reportResult(bed, outcome),
    );
  });

  it.each(['acknowledged', 'failed'] as const)('late: %s', async (outcome) => {
    await expectCrashSafe(
      async () => {
        const bed = await bedAfterRun('tok_ok');
        await reportResult(bed, 'expired');
        return bed;
      },
      (bed) => reportResult(bed, outcome, { late: true, reason: 'jammed' }),
    );
  });

  it('when the piece is missing in the stock', async () => {
    await expectCrashSafe(
      async () => {
        const { bed, services } = await afterRun();
        services.pieces.set('tea', 0);
        await reportResult(bed, 'expired');
        services.pieces.set('tea', 0);
        return bed;
      },
      (bed) => reportResult(bed, 'acknowledged', { late: true }),
    );
  });
});
