import { type Caller, asService } from '#kit/core/caller';
import type { EventInput } from '#kit/messages/contract';
import { testbed } from '#kit/testing/testbed';
import { DeviceCommandSettled, DeviceDataReceived } from '#contracts/iot-gateway';
import { PlaceVend } from '#contracts/vending';
import type { Machine } from '../machine/machine';
import { vending } from '../service';
import type { Vend } from '../vend/vend';
import { FakeServices, price } from './fake-services';

// Shared by the tests of this service: a machine, a vend, and the events that it handles.

export const ann: Caller = { userId: 'ann', role: 'customer', tenantId: 'default' };
export const AT = '2026-01-01T00:00:00.000Z';

const optionsFor = ({ calls, clock }: FakeServices) => ({
  calls,
  clock,
  config: { DISPENSE_SECONDS: 30 },
});

export const bedOver = (services: FakeServices) => testbed(vending, optionsFor(services));
export type Bed = ReturnType<typeof bedOver>;

/** A second process of the service, with the same state and peers. */
export function replicaOf(bed: Bed, services: FakeServices): Bed {
  return testbed(vending, { ...optionsFor(services), memory: bed.memory });
}

/** Machine m1: a number of teas in A1, and one gum in B2 at a price of its own. */
export function machine(teas = 3): Machine {
  const slot = { capacity: 10, claimed: [] };
  return {
    machineId: 'm1',
    shopId: 'shop_1',
    currency: 'EUR',
    ended: [],
    updatedAt: AT,
    slots: [
      { ...slot, slot: 'A1', productId: 'tea', quantity: teas },
      {
        ...slot,
        slot: 'B2',
        productId: 'gum',
        quantity: 1,
        price: { amount: '1.20', currency: 'EUR' },
      },
    ],
  };
}

/** A vend of a tea from A1, as startVend stores it. The token decides what its payment does. */
export function pendingVend(token = 'tok_ok', vendId = 'v1'): Vend {
  return {
    vendId,
    machineId: 'm1',
    shopId: 'shop_1',
    slot: 'A1',
    productId: 'tea',
    quantity: 1,
    price,
    channel: 'cashless',
    status: 'pending',
    userId: 'ann',
    fingerprint: 'f',
    payment: { method: 'card', token },
    undo: [],
    story: { steps: [], events: [] },
    createdAt: AT,
    updatedAt: AT,
  };
}

/** A service that stores the machine and these vends. Effects are counted from here. */
export async function bedWith(
  vends: readonly Vend[],
  services = new FakeServices(),
  stored = machine(),
) {
  const bed = bedOver(services);
  const context = bed.context(asService());
  await context.machines.update('m1', () => stored);
  for (const vend of vends) await context.vends.update(vend.vendId, () => vend);
  bed.injectFaults({});
  return bed;
}

export function vendIn(bed: Bed, vendId = 'v1'): Promise<Vend> {
  return bed.context(asService()).vends.getOrThrow(vendId);
}

export async function slotIn(bed: Bed, name = 'A1') {
  const { slots } = await bed.context(asService()).machines.getOrThrow('m1');
  const slot = slots.find((one) => one.slot === name);
  if (slot === undefined) throw new Error(`slot ${name} does not exist`);
  const { quantity, claimed, fault } = slot;
  return { quantity, claimed: claimed.length, fault: fault?.code };
}

/** The steps of the saga log: `claim done`. */
export function stepsOf({ story }: Vend): string[] {
  return story.steps.map(({ step, outcome }) => `${step} ${outcome}`);
}

/** Delivers the command to run a vend. */
export function runVend(bed: Bed, vendId = 'v1') {
  return bed.handleEvent(PlaceVend, { vendId }, { id: `place ${vendId}` });
}

type Settled = Partial<EventInput<typeof DeviceCommandSettled>>;

/** Delivers the result of a command. The same result is the same event. */
export function reportResult(
  bed: Bed,
  outcome: NonNullable<Settled['outcome']>,
  more: Settled = {},
) {
  const { commandId = 'v1' } = more;
  const result = {
    deviceId: 'm1',
    shopId: 'shop_1',
    commandId,
    name: 'dispense',
    outcome,
    ...more,
  };
  return bed.handleEvent(DeviceCommandSettled, result, { id: `${outcome} ${commandId}` });
}

type DeviceData = EventInput<typeof DeviceDataReceived>;
type DataOf<T extends DeviceData['dataType']> = Extract<DeviceData, { dataType: T }>['data'];

/** Delivers a report of a cash sale. The same id is the same message. */
export function reportSale(bed: Bed, data: Partial<DataOf<'sale'>> = {}, id = 'sale 1') {
  const sale = { saleId: 's1', productId: 'tea', quantity: 1, slot: 'A1', ...data };
  const device = { deviceId: 'm1', shopId: 'shop_1', position: { boot: 'b1', seq: 1, at: AT } };
  return bed.handleEvent(DeviceDataReceived, { ...device, dataType: 'sale', data: sale }, { id });
}

/** Delivers a report of the machine's faults. */
export function reportFaults(bed: Bed, data: DataOf<'faults'>, seq = 1, at = AT, boot = 'b1') {
  const position = { boot, start: Number(boot.slice(1)), seq, at };
  const device = { deviceId: 'm1', shopId: 'shop_1', position };
  const report = { ...device, dataType: 'faults', data } as const;
  return bed.handleEvent(DeviceDataReceived, report, { id: `faults ${boot} ${seq}` });
}

/** Runs a vend as far as it comes without its machine. */
export async function afterRun(
  token = 'tok_ok',
  services = new FakeServices(),
  stored = machine(),
) {
  const bed = await bedWith([pendingVend(token)], services, stored);
  if ((await runVend(bed)) !== 'SUCCESS') throw new Error('not acknowledged');
  return { bed, services };
}
