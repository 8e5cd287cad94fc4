import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventsOf } from '../e2e/bus';
import type { Shopper } from '../e2e/fixtures';
import { until } from '../harness/until';
import { DeviceFixture } from './device-fixture';
import { PRICE, MachineFixture } from './machine-fixture';

// A whole vend: from the edge to a machine at a real broker, and back.

const APPS = [
  ...['gateway', 'user', 'product', 'shop', 'inventory'],
  ...['payment', 'iot-gateway', 'vending'],
];
/** A short deadline, for machines that stay silent. */
const DISPENSE_SECONDS = '3';

let devices: DeviceFixture;
let ann: Shopper;

beforeAll(async () => {
  devices = await DeviceFixture.open({ apps: APPS, env: { DISPENSE_SECONDS } });
  ann = await devices.fixture.shopper();
});

afterAll(() => devices.close());

const publishedEvents = async (type: string, id: string) => {
  const events = (await eventsOf(devices.system)).filter(
    (event) => event.type === type && JSON.stringify(event.data).includes(id),
  );
  return [...new Map(events.map((event) => [event.id, event.data])).values()];
};
const isSaid = (type: string, id: string) =>
  until(`${type} of ${id}`, async () => {
    const events = await publishedEvents(type, id);
    return events.length > 0 && events;
  });

describe('a vend', () => {
  test('is dispensed and then captured: the piece is gone from the slot and the stock', async () => {
    const machine = await MachineFixture.open(devices);
    const { vendId, ...vend } = await machine.beginVend(ann);
    expect(vend).toMatchObject({ status: 'dispensing', price: PRICE, quantity: 1 });
    await machine.waitForStatus(ann, vendId, 'completed');
    expect(machine.commands.get(vendId)).toMatchObject({
      ...{ name: 'dispense', arguments: { slot: 'A1', productId: machine.productId, quantity: 1 } },
    });
    expect(await machine.paymentStatus(vendId)).toBe('captured');
    expect(await machine.slot()).toEqual({ quantity: 4 });
    expect(await machine.stock()).toEqual({ available: 19, reserved: 0 });
    expect(await machine.steps(ann, vendId)).toEqual([
      ...['claim done', 'authorize done', 'reserve done', 'dispense done'],
      ...['take done', 'commit done', 'capture done'],
    ]);
    await isSaid('vend.completed', vendId);
    await isSaid('payment.processed', vendId);
  });

  test('that is requested twice, and acknowledged three times, is one vend', async () => {
    const machine = await MachineFixture.open(devices);
    machine.autoAnswer = undefined;
    const key = randomUUID();
    const [one, other] = await Promise.all([
      machine.buy(ann, 'tok_ok', key),
      machine.buy(ann, 'tok_ok', key),
    ]);
    const [vendId = ''] = [one, other].map(({ text }) => /vend_[\w-]{22}/.exec(text)?.[0]);
    expect(other.text).toContain(vendId);
    await until('the command', () => machine.commands.has(vendId));
    expect([...machine.commands.keys()]).toEqual([vendId]);
    const ack = machine.device.signer.sign('ack', { commandId: vendId, outcome: 'acknowledged' });
    await machine.device.send(ack);
    await machine.device.send(ack);
    await machine.acknowledge(vendId, 'acknowledged');
    await machine.waitForStatus(ann, vendId, 'completed');
    expect(await machine.slot()).toEqual({ quantity: 4 });
    expect(await machine.stock()).toEqual({ available: 19, reserved: 0 });
    expect(await isSaid('vend.completed', vendId)).toHaveLength(1);
  });

  test('is completed although its service is killed before the machine answers', async () => {
    const machine = await MachineFixture.open(devices);
    machine.autoAnswer = undefined;
    const { vendId } = await machine.beginVend(ann);
    await until('the command', () => machine.commands.has(vendId));
    const vending = devices.system.app('vending');
    await Promise.all(vending.processes.map((process) => process.kill()));
    await machine.acknowledge(vendId, 'acknowledged');
    vending.start();
    await vending.ready();
    await machine.waitForStatus(ann, vendId, 'completed');
    expect(await machine.paymentStatus(vendId)).toBe('captured');
    expect(await machine.stock()).toEqual({ available: 19, reserved: 0 });
  });
});

describe('a vend is refused', () => {
  test('if the payment is declined', async () => {
    const machine = await MachineFixture.open(devices);
    expect(await machine.refusedVend(ann, 'tok_declined')).toBe('payment_failed');
    expect(await machine.slot()).toEqual({ quantity: 5 });
    expect(machine.commands.size).toBe(0);
  });

  test('if the slot is empty or the shop has no stock', async () => {
    const empty = await MachineFixture.open(devices, { inSlot: 0 });
    expect(await empty.refusedVend(ann)).toBe('out_of_stock');
    const sold = await MachineFixture.open(devices, { inStock: 1 });
    await sold.waitForStatus(ann, (await sold.beginVend(ann)).vendId, 'completed');
    expect(await sold.refusedVend(ann)).toBe('out_of_stock');
    const [refused] = await sold.vends();
    expect(await sold.paymentStatus(refused?.vendId ?? '')).toBe('voided');
    expect(await sold.slot()).toEqual({ quantity: 4 });
  });

  test('if the machine is offline, before any money is authorised', async () => {
    const machine = await MachineFixture.open(devices);
    await machine.device.publish('status', { status: 'offline' });
    await until('the machine to be offline', async () => {
      return (await devices.presence(machine.device.deviceId)) === 'offline';
    });
    expect(await machine.refusedVend(ann)).toBe('machine_offline');
    const [refused] = await machine.vends();
    expect(await machine.paymentStatus(refused?.vendId ?? '')).toBeUndefined();
  });

  test('to one of two customers who request the last piece at the same time', async () => {
    const machine = await MachineFixture.open(devices, { inSlot: 1 });
    const bob = await devices.fixture.shopper();
    const answers = await Promise.all([machine.buy(ann), machine.buy(bob)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 422]);
    await until('the piece to be sold', async () => (await machine.slot()).quantity === 0);
    expect(await machine.stock()).toEqual({ available: 19, reserved: 0 });
  });

  test('if the slot is faulty, until the machine reports it as repaired or it is restocked', async () => {
    const machine = await MachineFixture.open(devices);
    const reportFaults = (faults: object[]) =>
      machine.device.publish('status', { status: 'online', faults });
    const hasFault = (fault?: string) =>
      until('the slot to be so', async () => (await machine.slot()).fault === fault);
    await reportFaults([{ code: 'motor_broken', slot: 'A1' }]);
    await hasFault('motor_broken');
    expect(await machine.refusedVend(ann)).toBe('slot_faulty');
    await reportFaults([]);
    await hasFault();
    await reportFaults([{ code: 'motor_broken', slot: 'A1' }]);
    await hasFault('motor_broken');
    await machine.restock(1);
    await machine.waitForStatus(ann, (await machine.beginVend(ann)).vendId, 'completed');
    expect(await publishedEvents('slot.faulted', machine.device.deviceId)).toHaveLength(2);
  });
});

describe('a vend is compensated', () => {
  test('if the machine could not dispense; its slot is out of use', async () => {
    const machine = await MachineFixture.open(devices);
    machine.autoAnswer = 'failed';
    const { vendId } = await machine.beginVend(ann);
    const vend = await machine.waitForStatus(ann, vendId, 'cancelled');
    expect(vend.reason).toBe('not_dispensed');
    expect(await machine.paymentStatus(vendId)).toBe('voided');
    expect(await machine.slot()).toEqual({ quantity: 5, fault: 'jammed' });
    expect(await machine.stock()).toEqual({ available: 20, reserved: 0 });
    expect(await publishedEvents('payment.refunded', vendId)).toEqual([]);
    await isSaid('slot.faulted', machine.device.deviceId);
  });

  test('if the machine stays silent; a piece that it has dispensed all the same is a loss', async () => {
    const machine = await MachineFixture.open(devices);
    machine.autoAnswer = undefined;
    const { vendId } = await machine.beginVend(ann);
    const vend = await machine.waitForStatus(ann, vendId, 'cancelled');
    expect(vend.reason).toBe('machine_silent');
    expect(await machine.paymentStatus(vendId)).toBe('voided');
    expect(await machine.slot()).toEqual({ quantity: 5, fault: 'suspect' });
    expect(await machine.stock()).toEqual({ available: 20, reserved: 0 });
    expect(await machine.refusedVend(ann)).toBe('slot_faulty');

    await machine.acknowledge(vendId, 'acknowledged');
    await machine.waitForStatus(ann, vendId, 'unpaid');
    expect(await machine.paymentStatus(vendId)).toBe('voided');
    expect(await machine.slot()).toEqual({ quantity: 4 });
    expect(await machine.stock()).toEqual({ available: 19, reserved: 0 });
    expect(await isSaid('vend.unpaid', vendId)).toMatchObject([{ reason: 'machine_silent' }]);
  });
});

describe('a dispensed piece whose payment has an unknown outcome', () => {
  test('is settled once the payment answers', async () => {
    const machine = await MachineFixture.open(devices);
    const { vendId } = await machine.beginVend(ann, 'tok_capture_timeout');
    await machine.waitForStatus(ann, vendId, 'settling');
    await until('the piece to be taken from the stock', async () => {
      return (await machine.stock()).available === 19;
    });
    await machine.waitForStatus(ann, vendId, 'completed');
    expect(await machine.paymentStatus(vendId)).toBe('captured');
    expect(await machine.slot()).toEqual({ quantity: 4 });
    expect(await isSaid('payment.processed', vendId)).toHaveLength(1);
  });

  test('is settled once the payment succeeds', async () => {
    const machine = await MachineFixture.open(devices);
    const { vendId } = await machine.beginVend(ann, 'tok_capture_flaky');
    await machine.waitForStatus(ann, vendId, 'completed');
    expect(await machine.paymentStatus(vendId)).toBe('captured');
    expect(await machine.stock()).toEqual({ available: 19, reserved: 0 });
  });

  test('is unpaid if the payment fails for good', async () => {
    const machine = await MachineFixture.open(devices);
    const { vendId } = await machine.beginVend(ann, 'tok_capture_expired');
    const { reason } = await machine.waitForStatus(ann, vendId, 'unpaid');
    expect(reason).toBe('authorisation_expired');
    expect(await machine.stock()).toEqual({ available: 19, reserved: 0 });
    await isSaid('vend.unpaid', vendId);
  });
});

describe('a cash sale', () => {
  test('is booked once, even out of a late and disordered backlog', async () => {
    const machine = await MachineFixture.open(devices);
    // signed while the machine was offline, in this order
    const sales = ['s1', 's2', 's3'].map((saleId) => machine.signedSale(saleId));
    for (const sale of [...sales.toReversed(), ...sales]) await machine.device.send(sale);
    // the stock changes first, then the vend is completed
    const booked = async (available: number) => {
      await until('all to be booked', async () => (await machine.stock()).available === available);
      await until('all to be completed', async () => {
        return (await machine.vends()).every(({ status }) => status === 'completed');
      });
    };
    await booked(17);
    // the same sale in another message
    await machine.device.send(machine.signedSale('s1'));
    await machine.device.send(machine.signedSale('s4'));
    await booked(16);
    const vends = await machine.vends();
    expect(vends.map(({ channel, status, price }) => [channel, status, price])).toEqual(
      Array(4).fill(['cash', 'completed', PRICE]),
    );
    expect(await machine.slot()).toEqual({ quantity: 1 });
  });

  test('is booked and reported if the stock has too few pieces', async () => {
    const machine = await MachineFixture.open(devices, { inStock: 1 });
    await machine.device.send(machine.signedSale('s1', { quantity: 2 }));
    const missing = await isSaid('machine.stock.missing', machine.productId);
    expect(missing).toMatchObject([{ quantity: 2, missingInStock: 2, missingInSlot: 0 }]);
    await until('it to be sold', async () => (await machine.vends())[0]?.status === 'completed');
    expect(await machine.slot()).toEqual({ quantity: 3 });
  });
});
