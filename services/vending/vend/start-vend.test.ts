import { describe, expect, it, jest } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { ABANDONED_MS } from '#kit/delivery/begun-commands';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code, unavailable } from '#kit/core/errors';
import type { CallOptions } from '#kit/testing/testbed-options';
import { type Bed, ann, bedWith, machine, reportResult, slotIn } from '../testing/fixtures';
import { FakeServices, price, seller } from '../testing/fake-services';

const vendRequest = (token = 'tok_ok', more = {}) => ({
  machineId: 'm1',
  slot: 'A1',
  payment: { method: 'card', token },
  ...more,
});
const start = (bed: Bed, request: object = vendRequest(), given: CallOptions = {}) =>
  bed.call('startVend', request, { caller: ann, id: 'key', ...given });
const bob: Caller = { ...ann, userId: 'bob' };

describe('starting a vend', () => {
  it('returns the vend when the command has been sent to its machine', async () => {
    const bed = await bedWith([]);
    const vend = await start(bed);
    expect(vend).toMatchObject({
      machineId: 'm1',
      shopId: 'shop_1',
      slot: 'A1',
      productId: 'tea',
      quantity: 1,
      price,
      channel: 'cashless',
      status: 'dispensing',
      userId: 'ann',
    });
    await reportResult(bed, 'acknowledged', { commandId: vend.vendId });
    const { vendId } = vend;
    expect(await bed.call('getVend', { vendId }, { caller: ann })).toMatchObject({
      status: 'completed',
    });
    // a repeated request returns the same vend
    expect(await start(bed)).toMatchObject({ vendId, status: 'completed' });
    expect(await slotIn(bed)).toMatchObject({ quantity: 2 });
  });

  it('uses the price of the slot, if it has one', async () => {
    const bed = await bedWith([]);
    expect(await start(bed, vendRequest('tok_ok', { slot: 'B2' }))).toMatchObject({
      price: { amount: '1.20', currency: 'EUR' },
    });
  });

  it('returns a cancelled vend with its reason', async () => {
    const bed = await bedWith([], new FakeServices(), machine(0));
    expect(await start(bed)).toMatchObject({ status: 'cancelled', reason: 'out_of_stock' });
  });

  it('returns the pending vend immediately if the client does not wait', async () => {
    const bed = await bedWith([]);
    expect(await start(bed, vendRequest(), { respondAsync: true })).toMatchObject({
      status: 'pending',
    });
    await bed.settle();
    expect(await start(bed)).toMatchObject({ status: 'dispensing' });
  });

  it.each([
    ['an unknown machine', { machineId: 'm2' }, Code.NOT_FOUND, 'machine not found'],
    [
      'an unknown slot',
      { slot: 'Z9' },
      Code.INVALID_ARGUMENT,
      'slot does not exist in this machine',
    ],
  ])('is refused for %s', async (_, more, code, message) => {
    const bed = await bedWith([]);
    await expect(start(bed, vendRequest('tok_ok', more))).rejects.toMatchObject({ code, message });
  });

  it.each([
    ['offer_withdrawn', 'slot contains a product that the shop no longer sells'],
    ['not_offered', 'slot contains a product that the shop does not sell'],
    ['channel_not_offered', 'slot contains a product that the shop does not sell in machines'],
  ])('is refused with the reason of the shop: %s', async (reason, message) => {
    const stored = machine();
    const [slot] = stored.slots;
    for (const price of [undefined, { amount: '9.99', currency: 'EUR' }]) {
      const services = new FakeServices();
      services.offerRefusal = reason;
      const gone = { ...stored, slots: [{ ...slot!, productId: 'gone', ...(price && { price }) }] };
      await expect(start(await bedWith([], services, gone))).rejects.toMatchObject({
        code: Code.INVALID_ARGUMENT,
        message,
        details: { reason, fields: [{ field: 'slot' }] },
      });
    }
  });

  it('is refused if the price is in another currency than the machine', async () => {
    const stored = { ...machine(), currency: 'USD' };
    await expect(start(await bedWith([], new FakeServices(), stored))).rejects.toMatchObject({
      details: { reason: 'currency_mismatch' },
    });
  });

  it('asks the shop for its channel', async () => {
    const bed = await bedWith([]);
    await start(bed);
    const [call] = bed.memory.calls.filter(({ method }) => method === 'priceOffers');
    expect(call?.request).toMatchObject({ productIds: ['tea'], channel: 'vending' });
  });

  it('refuses a card number as a token, and does not repeat it in the error', async () => {
    const bed = await bedWith([]);
    const error = await start(bed, vendRequest('4111111111111111')).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({
      message: "payment.token must be the payment provider's token, never a card number",
    });
    expect(JSON.stringify(error)).not.toContain('4111');
  });

  it('requires a signed-in user', async () => {
    const caller: Caller = { userId: '', role: 'anonymous', tenantId: 'default' };
    await expect(start(await bedWith([]), vendRequest(), { caller })).rejects.toMatchObject({
      code: Code.UNAUTHENTICATED,
    });
  });

  it('creates one vend for each Idempotency-Key, and refuses another request under it', async () => {
    const bed = await bedWith([]);
    await Promise.all([start(bed), start(bed)]);
    expect(await slotIn(bed)).toMatchObject({ claimed: 1 });
    await expect(start(bed, vendRequest('tok_ok', { slot: 'B2' }))).rejects.toThrow(
      'Idempotency-Key',
    );
  });

  it.each(['tok_ok', 'tok_declined'])('is crash safe: %s', async (token) => {
    await expectCrashSafe(
      () => bedWith([]),
      (bed) => start(bed, vendRequest(token)),
    );
  });
});

describe('a vend whose command was not published', () => {
  const DAY_MS = 24 * 3600 * 1000;
  const vendsIn = (bed: Bed) =>
    [...bed.memory.documents].filter(
      ([key, { expires }]) => key.startsWith('vends:') && expires > bed.clock.now(),
    );
  const bedAfter = async () => {
    const bed = await bedWith([]);
    jest
      .spyOn(bed.sidecar, 'publish')
      .mockImplementationOnce(() => Promise.reject(unavailable('no bus')));
    await expect(start(bed)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    return bed;
  };

  it('expires after a day, with its token, if the request is not repeated', async () => {
    const bed = await bedAfter();
    expect(vendsIn(bed)).toHaveLength(1);
    bed.clock.advance(DAY_MS + 1_000);
    expect(vendsIn(bed)).toEqual([]);
  });

  it('runs after a sweep if its process died before the command was published', async () => {
    const bed = await bedWith([]);
    // the call of the shop, the begun command, and the vend
    bed.injectFaults({ crashAfterEffect: 3 });
    await expect(start(bed)).rejects.toThrow('killed');
    bed.restart();
    await bed.runtime.sweepBegunCommands();
    bed.clock.advance(ABANDONED_MS);
    await bed.runtime.sweepBegunCommands();
    await bed.settle();
    const [vend] = vendsIn(bed).map(([, { json }]) => JSON.parse(json) as { data: object });
    // the buyer no longer stands at the machine
    expect(vend?.data).toMatchObject({
      status: expect.stringMatching(/dispensing|cancelled/) as unknown,
    });
  });

  it('runs and does not expire if the request is repeated', async () => {
    const bed = await bedAfter();
    expect(await start(bed)).toMatchObject({ status: 'dispensing' });
    bed.clock.advance(DAY_MS + 1_000);
    expect(vendsIn(bed)).toHaveLength(1);
  });
});

describe('a vend', () => {
  const started = async () => {
    const bed = await bedWith([]);
    return { bed, vendId: (await start(bed)).vendId };
  };

  it('is visible to its buyer, to sellers of its shop, and to admins', async () => {
    const { bed, vendId } = await started();
    const admin: Caller = { ...ann, userId: 'root', role: 'admin' };
    for (const caller of [ann, seller, admin]) {
      expect(await bed.call('getVend', { vendId }, { caller })).toMatchObject({ vendId });
    }
    for (const caller of [bob, { ...seller, userId: 'sally' }, { ...ann, tenantId: 'other' }]) {
      await expect(bed.call('getVend', { vendId }, { caller })).rejects.toMatchObject({
        code: Code.NOT_FOUND,
      });
      await expect(bed.call('getVendStory', { vendId }, { caller })).rejects.toMatchObject({
        code: Code.NOT_FOUND,
      });
    }
  });

  it('returns its saga log', async () => {
    const { bed, vendId } = await started();
    await reportResult(bed, 'acknowledged', { commandId: vendId });
    const { steps, events } = await bed.call('getVendStory', { vendId }, { caller: ann });
    expect(steps.map(({ step }) => step)).toEqual([
      'claim',
      'authorize',
      'reserve',
      'dispense',
      'take',
      'commit',
      'capture',
    ]);
    expect(events).toMatchObject([{ type: 'vend.completed' }]);
  });

  it('is listed for its buyer, and by machine for sellers of its shop', async () => {
    const { bed, vendId } = await started();
    const list = (caller: Caller, machineId?: string) =>
      bed.call('listVends', machineId === undefined ? {} : { machineId }, { caller });
    expect(await list(ann)).toMatchObject({ items: [{ vendId }], total: 1 });
    expect(await list(bob)).toMatchObject({ items: [], total: 0 });
    expect(await list(seller, 'm1')).toMatchObject({ items: [{ vendId }] });
    await expect(list(ann, 'm1')).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    await expect(list({ ...seller, userId: 'sally' }, 'm1')).rejects.toMatchObject({
      code: Code.NOT_FOUND,
    });
  });
});
