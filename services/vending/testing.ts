import { type Caller, asService } from '#kit/core/caller';
import type { EventInput } from '#kit/messages/contract';
import { testbed } from '#kit/testing/testbed';
import { DeviceCommandSettled, DeviceDataReceived } from '#contracts/iot-gateway';
import { PlaceVend } from '#contracts/vending';
import type { Vend } from './domain';
import { vending } from './service';
import type { Machine } from './slots';
import { World, price } from './testing-world';

// What the tests of this service share: a machine, a vend, and what they are told.

export const ann: Caller = { userId: 'ann', role: 'customer', tenantId: 'default' };
export const AT = '2026-01-01T00:00:00.000Z';

const optionsIn = ({ calls, clock }: World) => ({ calls, clock, config: { DISPENSE_SECONDS: 30 } });

export const bedIn = (world: World) => testbed(vending, optionsIn(world));
export type Bed = ReturnType<typeof bedIn>;

/** A second process of the service in the same world. */
export function replicaOf(bed: Bed, world: World): Bed {
  return testbed(vending, { ...optionsIn(world), memory: bed.memory });
}

/** A machine m1 with so many cups of tea in A1, and one gum in B2 at a price of its own. */
export function machine(teas = 3): Machine {
  const slot = { capacity: 10, claimed: [] };
  return {
    ...{ machineId: 'm1', shopId: 'shop_1', currency: 'EUR', ended: [], updatedAt: AT },
    slots: [
      { ...slot, slot: 'A1', productId: 'tea', quantity: teas },
      {
        ...{ ...slot, slot: 'B2', productId: 'gum', quantity: 1 },
        price: { amount: '1.20', currency: 'EUR' },
      },
    ],
  };
}

/** A vend of a piece out of A1, as startVend keeps it. The token decides what becomes of it. */
export function pending(token = 'tok_ok', vendId = 'v1'): Vend {
  return {
    ...{ vendId, machineId: 'm1', shopId: 'shop_1', slot: 'A1', productId: 'tea', quantity: 1 },
    ...{ price, channel: 'cashless', status: 'pending', userId: 'ann', fingerprint: 'f' },
    ...{ payment: { method: 'card', token }, undo: [], story: { steps: [], events: [] } },
    ...{ createdAt: AT, updatedAt: AT },
  };
}

/** A service that knows the machine, and these vends, with which nothing has been done yet. */
export async function bedWith(vends: readonly Vend[], world = new World(), planned = machine()) {
  const bed = bedIn(world);
  const context = bed.context(asService());
  await context.machines.update('m1', () => planned);
  for (const vend of vends) await context.vends.update(vend.vendId, () => vend);
  // effects are counted from here
  bed.injectFaults({});
  return bed;
}

export function vendOf(bed: Bed, vendId = 'v1'): Promise<Vend> {
  return bed.context(asService()).vends.getOrThrow(vendId);
}

export async function slotIn(bed: Bed, name = 'A1') {
  const { slots } = await bed.context(asService()).machines.getOrThrow('m1');
  const slot = slots.find((one) => one.slot === name);
  if (slot === undefined) throw new Error(`there is no slot ${name}`);
  const { quantity, claimed, fault } = slot;
  return { quantity, claimed: claimed.length, fault: fault?.code };
}

/** The story in short: `claim done`. */
export function steps({ story }: Vend): string[] {
  return story.steps.map(({ step, outcome }) => `${step} ${outcome}`);
}

/** Gives the command to carry out a vend. */
export function place(bed: Bed, vendId = 'v1') {
  return bed.handleEvent(PlaceVend, { vendId }, { id: `place ${vendId}` });
}

type Answer = Partial<EventInput<typeof DeviceCommandSettled>>;

/** Tells how the machine answered; the same answer is the same event. */
export function answer(bed: Bed, outcome: NonNullable<Answer['outcome']>, more: Answer = {}) {
  const { commandId = 'v1' } = more;
  const told = { deviceId: 'm1', shopId: 'shop_1', commandId, name: 'dispense', outcome, ...more };
  return bed.handleEvent(DeviceCommandSettled, told, { id: `${outcome} ${commandId}` });
}

type Data = EventInput<typeof DeviceDataReceived>;
type DataOf<T extends Data['dataType']> = Extract<Data, { dataType: T }>['data'];

/** Tells of a sale for cash; under the same id it is the same message. */
export function sale(bed: Bed, data: Partial<DataOf<'sale'>> = {}, id = 'sale 1') {
  const sold = { saleId: 's1', productId: 'tea', quantity: 1, slot: 'A1', ...data };
  const whose = { deviceId: 'm1', shopId: 'shop_1', position: { boot: 'b1', seq: 1, at: AT } };
  return bed.handleEvent(DeviceDataReceived, { ...whose, dataType: 'sale', data: sold }, { id });
}

/** Tells what is wrong with the machine. */
export function faults(bed: Bed, data: DataOf<'faults'>, seq = 1, at = AT, boot = 'b1') {
  const whose = { deviceId: 'm1', shopId: 'shop_1', position: { boot, seq, at } };
  const told = { ...whose, dataType: 'faults', data } as const;
  return bed.handleEvent(DeviceDataReceived, told, { id: `faults ${boot} ${seq}` });
}

/** A vend after it was carried out as far as it could be without its machine. */
export async function placed(token = 'tok_ok', world = new World(), planned = machine()) {
  const bed = await bedWith([pending(token)], world, planned);
  if ((await place(bed)) !== 'SUCCESS') throw new Error('not acknowledged');
  return { bed, world };
}
