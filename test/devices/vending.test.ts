import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventsOf } from '../e2e/bus';
import type { Shopper } from '../e2e/market';
import { until } from '../harness/until';
import { Fleet } from './fleet';
import { PRICE, Stall } from './stall';

// A vend as it really goes: from the edge to a machine at a real broker, and back.

const APPS = [
  ...['gateway', 'user', 'product', 'shop', 'inventory'],
  ...['payment', 'iot-gateway', 'vending'],
];
/** Soon over, for machines that stay silent. */
const DISPENSE_SECONDS = '3';

let fleet: Fleet;
let ann: Shopper;

beforeAll(async () => {
  fleet = await Fleet.open({ apps: APPS, env: { DISPENSE_SECONDS } });
  ann = await fleet.market.shopper();
});

afterAll(() => fleet.close());

const said = async (type: string, id: string) => {
  const events = (await eventsOf(fleet.world)).filter(
    (event) => event.type === type && JSON.stringify(event.data).includes(id),
  );
  return [...new Map(events.map((event) => [event.id, event.data])).values()];
};
const isSaid = (type: string, id: string) =>
  until(`${type} of ${id}`, async () => {
    const events = await said(type, id);
    return events.length > 0 && events;
  });

describe('a vend that nothing stands against', () => {
  test('is dispensed, and then paid for: gone from the slot and the stock', async () => {
    const stall = await Stall.open(fleet);
    const { vendId, ...vend } = await stall.begins(ann);
    expect(vend).toMatchObject({ status: 'dispensing', price: PRICE, quantity: 1 });
    await stall.comesTo(ann, vendId, 'completed');
    expect(stall.commands.get(vendId)).toMatchObject({
      ...{ name: 'dispense', arguments: { slot: 'A1', productId: stall.productId, quantity: 1 } },
    });
    expect(await stall.money(vendId)).toBe('captured');
    expect(await stall.slot()).toEqual({ quantity: 4 });
    expect(await stall.stock()).toEqual({ available: 19, reserved: 0 });
    expect(await stall.steps(ann, vendId)).toEqual([
      ...['claim done', 'authorize done', 'reserve done', 'dispense done'],
      ...['take done', 'commit done', 'capture done'],
    ]);
    await isSaid('vend.completed', vendId);
    await isSaid('payment.processed', vendId);
  });

  test('is one vend, though it is asked for twice and its machine answers three times', async () => {
    const stall = await Stall.open(fleet);
    stall.answers = undefined;
    const key = randomUUID();
    const [one, other] = await Promise.all([
      stall.buy(ann, 'tok_ok', key),
      stall.buy(ann, 'tok_ok', key),
    ]);
    const [vendId = ''] = [one, other].map(({ text }) => /vend_[\w-]{22}/.exec(text)?.[0]);
    expect(other.text).toContain(vendId);
    await until('the command', () => stall.commands.has(vendId));
    expect([...stall.commands.keys()]).toEqual([vendId]);
    const ack = stall.device.signer.sign('ack', { commandId: vendId, outcome: 'acknowledged' });
    await stall.device.sends(ack);
    await stall.device.sends(ack);
    await stall.tells(vendId, 'acknowledged');
    await stall.comesTo(ann, vendId, 'completed');
    expect(await stall.slot()).toEqual({ quantity: 4 });
    expect(await stall.stock()).toEqual({ available: 19, reserved: 0 });
    expect(await isSaid('vend.completed', vendId)).toHaveLength(1);
  });

  test('is completed though its service is killed before the machine answers', async () => {
    const stall = await Stall.open(fleet);
    stall.answers = undefined;
    const { vendId } = await stall.begins(ann);
    await until('the command', () => stall.commands.has(vendId));
    const vending = fleet.world.app('vending');
    await Promise.all(vending.processes.map((process) => process.kill()));
    await stall.tells(vendId, 'acknowledged');
    vending.start();
    await vending.ready();
    await stall.comesTo(ann, vendId, 'completed');
    expect(await stall.money(vendId)).toBe('captured');
    expect(await stall.stock()).toEqual({ available: 19, reserved: 0 });
  });
});

describe('a vend is refused', () => {
  test('where the payment is declined', async () => {
    const stall = await Stall.open(fleet);
    expect(await stall.refuses(ann, 'tok_declined')).toBe('payment_failed');
    expect(await stall.slot()).toEqual({ quantity: 5 });
    expect(stall.commands.size).toBe(0);
  });

  test('where the slot is empty, or the shop has nothing', async () => {
    const empty = await Stall.open(fleet, { inSlot: 0 });
    expect(await empty.refuses(ann)).toBe('out_of_stock');
    const sold = await Stall.open(fleet, { inStock: 1 });
    await sold.comesTo(ann, (await sold.begins(ann)).vendId, 'completed');
    expect(await sold.refuses(ann)).toBe('out_of_stock');
    const [refused] = await sold.vends();
    expect(await sold.money(refused?.vendId ?? '')).toBe('voided');
    expect(await sold.slot()).toEqual({ quantity: 4 });
  });

  test('where the machine is not there, before any money is kept ready', async () => {
    const stall = await Stall.open(fleet);
    await stall.device.says('status', { status: 'offline' });
    await until('the machine to be offline', async () => {
      return (await fleet.presence(stall.device.deviceId)) === 'offline';
    });
    expect(await stall.refuses(ann)).toBe('machine_offline');
    const [refused] = await stall.vends();
    expect(await stall.money(refused?.vendId ?? '')).toBeUndefined();
  });

  test('to one of two who want the last piece at once', async () => {
    const stall = await Stall.open(fleet, { inSlot: 1 });
    const bob = await fleet.market.shopper();
    const answers = await Promise.all([stall.buy(ann), stall.buy(bob)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 422]);
    await until('the piece to be sold', async () => (await stall.slot()).quantity === 0);
    expect(await stall.stock()).toEqual({ available: 19, reserved: 0 });
  });

  test('where the slot is faulty, until the machine tells that it is not, or somebody has seen to it', async () => {
    const stall = await Stall.open(fleet);
    const tells = (faults: object[]) => stall.device.says('status', { status: 'online', faults });
    const hasFault = (fault?: string) =>
      until('the slot to be so', async () => (await stall.slot()).fault === fault);
    await tells([{ code: 'motor_broken', slot: 'A1' }]);
    await hasFault('motor_broken');
    expect(await stall.refuses(ann)).toBe('slot_faulty');
    await tells([]);
    await hasFault();
    await tells([{ code: 'motor_broken', slot: 'A1' }]);
    await hasFault('motor_broken');
    await stall.restock(1);
    await stall.comesTo(ann, (await stall.begins(ann)).vendId, 'completed');
    expect(await said('slot.faulted', stall.device.deviceId)).toHaveLength(2);
  });
});

describe('a vend is undone', () => {
  test('where the machine could not dispense; its slot sells nothing more', async () => {
    const stall = await Stall.open(fleet);
    stall.answers = 'failed';
    const { vendId } = await stall.begins(ann);
    const vend = await stall.comesTo(ann, vendId, 'cancelled');
    expect(vend.reason).toBe('not_dispensed');
    expect(await stall.money(vendId)).toBe('voided');
    expect(await stall.slot()).toEqual({ quantity: 5, fault: 'jammed' });
    expect(await stall.stock()).toEqual({ available: 20, reserved: 0 });
    expect(await said('payment.refunded', vendId)).toEqual([]);
    await isSaid('slot.faulted', stall.device.deviceId);
  });

  test('where the machine stays silent; and it is a loss where it has dispensed all the same', async () => {
    const stall = await Stall.open(fleet);
    stall.answers = undefined;
    const { vendId } = await stall.begins(ann);
    const vend = await stall.comesTo(ann, vendId, 'cancelled');
    expect(vend.reason).toBe('machine_silent');
    expect(await stall.money(vendId)).toBe('voided');
    expect(await stall.slot()).toEqual({ quantity: 5, fault: 'suspect' });
    expect(await stall.stock()).toEqual({ available: 20, reserved: 0 });
    expect(await stall.refuses(ann)).toBe('slot_faulty');

    await stall.tells(vendId, 'acknowledged');
    await stall.comesTo(ann, vendId, 'unpaid');
    expect(await stall.money(vendId)).toBe('voided');
    expect(await stall.slot()).toEqual({ quantity: 4 });
    expect(await stall.stock()).toEqual({ available: 19, reserved: 0 });
    expect(await isSaid('vend.unpaid', vendId)).toMatchObject([{ reason: 'machine_silent' }]);
  });
});

describe('what is dispensed, and nobody knows whether it is paid for,', () => {
  test('is settled once its payment answers', async () => {
    const stall = await Stall.open(fleet);
    const { vendId } = await stall.begins(ann, 'tok_capture_timeout');
    await stall.comesTo(ann, vendId, 'settling');
    await until('the piece to be out of the stock', async () => {
      return (await stall.stock()).available === 19;
    });
    await stall.comesTo(ann, vendId, 'completed');
    expect(await stall.money(vendId)).toBe('captured');
    expect(await stall.slot()).toEqual({ quantity: 4 });
    expect(await isSaid('payment.processed', vendId)).toHaveLength(1);
  });

  test('is settled once its payment works', async () => {
    const stall = await Stall.open(fleet);
    const { vendId } = await stall.begins(ann, 'tok_capture_flaky');
    await stall.comesTo(ann, vendId, 'completed');
    expect(await stall.money(vendId)).toBe('captured');
    expect(await stall.stock()).toEqual({ available: 19, reserved: 0 });
  });

  test('is unpaid where the money is not to be had any more', async () => {
    const stall = await Stall.open(fleet);
    const { vendId } = await stall.begins(ann, 'tok_capture_expired');
    const { reason } = await stall.comesTo(ann, vendId, 'unpaid');
    expect(reason).toBe('authorisation_expired');
    expect(await stall.stock()).toEqual({ available: 19, reserved: 0 });
    await isSaid('vend.unpaid', vendId);
  });
});

describe('what is sold for cash', () => {
  test('is booked once, also out of a backlog that comes late and in disorder', async () => {
    const stall = await Stall.open(fleet);
    // made while it was away, in this order
    const sales = ['s1', 's2', 's3'].map((saleId) => stall.sale(saleId));
    for (const sale of [...sales.toReversed(), ...sales]) await stall.device.sends(sale);
    // the stock goes first, then the vend is completed
    const booked = async (available: number) => {
      await until('all to be booked', async () => (await stall.stock()).available === available);
      await until('all to be completed', async () => {
        return (await stall.vends()).every(({ status }) => status === 'completed');
      });
    };
    await booked(17);
    // the same sale in another message
    await stall.device.sends(stall.sale('s1'));
    await stall.device.sends(stall.sale('s4'));
    await booked(16);
    const vends = await stall.vends();
    expect(vends.map(({ channel, status, price }) => [channel, status, price])).toEqual(
      Array(4).fill(['cash', 'completed', PRICE]),
    );
    expect(await stall.slot()).toEqual({ quantity: 1 });
  });

  test('is not lost where the stock has too few: that is told', async () => {
    const stall = await Stall.open(fleet, { inStock: 1 });
    await stall.device.sends(stall.sale('s1', { quantity: 2 }));
    const missing = await isSaid('machine.stock.missing', stall.productId);
    expect(missing).toMatchObject([{ quantity: 2, missingInStock: 2, missingInSlot: 0 }]);
    await until('it to be sold', async () => (await stall.vends())[0]?.status === 'completed');
    expect(await stall.slot()).toEqual({ quantity: 3 });
  });
});
