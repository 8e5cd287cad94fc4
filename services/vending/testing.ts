import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import { type Caller, asService } from '#kit/caller';
import { Code, MicroserviceError, invalid, notFound } from '#kit/errors';
import { FakeClock } from '#kit/fake-clock';
import type { EventInput } from '#kit/contract';
import { type TestbedOptions, testbed } from '#kit/testbed';
import { DeviceCommandSettled, DeviceDataReceived } from '#contracts/iot-gateway';
import { PlaceVend } from '#contracts/vending';
import { CommitOutcome, ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import type { Vend } from './domain';
import { vending } from './service';
import type { Machine } from './slots';

// What the tests of this service share: a machine, a vend, and the services that it goes through.
// They are as those that run are: they know each vend by its id, and keep what they know.

export const ann: Caller = { userId: 'ann', role: 'customer', tenantId: 'default' };
export const seller: Caller = { userId: 'sam', role: 'seller', tenantId: 'default' };
export const price = { amount: '2.50', currency: 'EUR' };
export const AT = '2026-01-01T00:00:00.000Z';

/** What the shop sells, and for how much. */
const OFFERS: Readonly<Record<string, typeof price>> = {
  tea: price,
  gum: { amount: '1.00', currency: 'EUR' },
  fig: { amount: '1.00', currency: 'USD' },
};

type Fakes = NonNullable<TestbedOptions<typeof vending.definition>['calls']>;

/** The services that a vend asks, what each knows of it, and the machine. */
export class World {
  readonly stock = new Map<string, 'refused' | 'held' | 'sold' | 'released'>();
  /** Pieces of each product that are free in the shop's stock. */
  readonly pieces = new Map([
    ['tea', 10],
    ['gum', 10],
  ]);
  readonly money = new Map<
    string,
    'authorised' | 'declined' | 'captured' | 'expired' | 'voided' | 'refunded'
  >();
  readonly commands = new Set<string>();
  presence = 'online';
  /** Where all devices are. */
  shopId = 'shop_1';
  readonly #faults = new Map<string, { error: MicroserviceError; times: number }>();
  readonly clock = new FakeClock();
  readonly #tokens = new Map<string, string>();
  readonly #stumbles = new Map<string, number>();

  readonly calls: Fakes = {
    shop: {
      getDevice: ({ deviceId }, { cause: { caller } }) => {
        this.#fail('getDevice');
        const { shopId } = this;
        const device = { deviceId, shopId, kind: 'vending_machine', status: 'online' };
        if (caller.role === 'seller' && caller.userId !== seller.userId) throw notFound('device');
        if (deviceId === 'shelf') return { ...device, kind: 'shelf' };
        if (deviceId === 'old') return { ...device, status: 'retired' };
        return device;
      },
      priceOffers: ({ shopId, productIds }) => {
        this.#fail('priceOffers');
        const offers = productIds.map((productId) => {
          const known = OFFERS[productId];
          if (known !== undefined) return { shopId, productId, price: known };
          throw new MicroserviceError('not sold here', Code.NOT_FOUND, { productId });
        });
        return { offers };
      },
    },
    'iot-gateway': {
      getPresence: ({ deviceId }) => {
        this.#fail('getPresence');
        return { deviceId, status: this.presence };
      },
      sendCommand: ({ commandId, deviceId, name, expiresAt }) => {
        this.#fail('sendCommand');
        const isKnown = this.commands.has(commandId);
        if (!isKnown && dateOf(expiresAt).getTime() < this.clock.now() + 1_000) {
          throw invalid('expiresAt', 'must be 1 s from now or later');
        }
        this.commands.add(commandId);
        return { commandId, deviceId, name, status: 'sent' };
      },
    },
    inventory: {
      reserve: ({ orderId, items: [item] }) => {
        this.#fail('reserve');
        const { productId = '', quantity = 0 } = item ?? {};
        const left = (this.pieces.get(productId) ?? 0) - quantity;
        const known = this.stock.get(orderId) ?? (left < 0 ? 'refused' : 'held');
        if (!this.stock.has(orderId) && known === 'held') this.pieces.set(productId, left);
        this.stock.set(orderId, known);
        if (known === 'held' || known === 'sold') return { outcome: ReserveOutcome.RESERVED };
        const reason = known === 'refused' ? 'out_of_stock' : 'released';
        return { outcome: ReserveOutcome.REFUSED, reason };
      },
      commit: ({ orderId }) => {
        this.#fail('commit');
        if (this.stock.get(orderId) === 'held') this.stock.set(orderId, 'sold');
        const sold = this.stock.get(orderId) === 'sold';
        return { outcome: sold ? CommitOutcome.COMMITTED : CommitOutcome.RELEASED };
      },
      release: ({ orderId, items: [item] }) => {
        this.#fail('release');
        const known = this.stock.get(orderId);
        const { productId = '', quantity = 0 } = item ?? {};
        if (known === 'held' || known === 'sold') {
          this.pieces.set(productId, (this.pieces.get(productId) ?? 0) + quantity);
        }
        if (known !== 'refused') this.stock.set(orderId, 'released');
        return {};
      },
    },
    payment: {
      authorize: ({ orderId, token }) => {
        this.#fail('authorize');
        this.#tokens.set(orderId, token);
        if (token === 'tok_flaky' && this.#stumblesLess(2, orderId)) throw silent(Code.UNAVAILABLE);
        const asked = token === 'tok_declined' ? 'declined' : 'authorised';
        const status = this.money.get(orderId) ?? asked;
        this.money.set(orderId, status);
        if (token === 'tok_timeout' && status === 'authorised') {
          this.clock.advance(2_500);
          throw silent(Code.DEADLINE_EXCEEDED);
        }
        const reason = status === 'declined' ? 'insufficient_funds' : '';
        return { paymentId: `pay_${orderId}`, status, reason };
      },
      capture: ({ orderId }) => {
        this.#fail('capture');
        const token = this.#tokens.get(orderId);
        if (this.money.get(orderId) === undefined) throw notFound('payments');
        if (token === 'tok_capture_flaky' && this.#stumblesLess(2, orderId)) {
          throw silent(Code.UNAVAILABLE);
        }
        if (this.money.get(orderId) === 'authorised') {
          this.money.set(orderId, token === 'tok_capture_expired' ? 'expired' : 'captured');
        }
        if (token === 'tok_capture_timeout' && this.#stumblesLess(2, orderId)) {
          throw silent(Code.DEADLINE_EXCEEDED);
        }
        const status = this.money.get(orderId) ?? 'voided';
        const reason = status === 'expired' ? 'authorisation_expired' : '';
        return { paymentId: `pay_${orderId}`, status, reason };
      },
      void: ({ orderId }) => {
        this.#fail('void');
        const known = this.money.get(orderId);
        if (known === 'captured') this.money.set(orderId, 'refunded');
        else if (known !== 'declined' && known !== 'expired' && known !== 'refunded') {
          this.money.set(orderId, 'voided');
        }
        return {};
      },
    },
  };

  /**
   * Whether the vend's piece has gone out of the stock, and whether it was paid for. Throws where
   * something is in between.
   */
  outcome(vendId = 'v1'): { gone: boolean; paid: boolean } {
    const stock = [this.stock.get(vendId), this.stock.get(`${vendId}_late`)];
    const money = this.money.get(vendId);
    if (stock.includes('held') || money === 'authorised') {
      throw new Error(`half a vend: ${JSON.stringify([stock, money])}`);
    }
    return { gone: stock.includes('sold'), paid: money === 'captured' };
  }

  #stumblesLess(times: number, orderId: string): boolean {
    const stumbled = this.#stumbles.get(orderId) ?? 0;
    this.#stumbles.set(orderId, stumbled + 1);
    return stumbled < times;
  }

  /** From now on a method throws this, so many times. */
  breaks(method: string, error: MicroserviceError, times = 1): void {
    this.#faults.set(method, { error, times });
  }

  #fail(method: string): void {
    const fault = this.#faults.get(method);
    if (fault === undefined || fault.times-- <= 0) return;
    throw fault.error;
  }
}

function dateOf(timestamp: Timestamp | undefined): Date {
  if (timestamp === undefined) throw new Error('no time is given');
  return timestampDate(timestamp);
}

export function silent(code: Code): MicroserviceError {
  return new MicroserviceError('no answer', code);
}

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
  bed.fail({});
  return bed;
}

export function vendOf(bed: Bed, vendId = 'v1'): Promise<Vend> {
  return bed.context(asService()).vends.need(vendId);
}

export async function slotIn(bed: Bed, name = 'A1') {
  const { slots } = await bed.context(asService()).machines.need('m1');
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
  return bed.hear(PlaceVend, { vendId }, { id: `place ${vendId}` });
}

type Answer = Partial<EventInput<typeof DeviceCommandSettled>>;

/** Tells how the machine answered; the same answer is the same event. */
export function answer(bed: Bed, outcome: NonNullable<Answer['outcome']>, more: Answer = {}) {
  const { commandId = 'v1' } = more;
  const told = { deviceId: 'm1', shopId: 'shop_1', commandId, name: 'dispense', outcome, ...more };
  return bed.hear(DeviceCommandSettled, told, { id: `${outcome} ${commandId}` });
}

type Data = EventInput<typeof DeviceDataReceived>;
type DataOf<T extends Data['dataType']> = Extract<Data, { dataType: T }>['data'];

/** Tells of a sale for cash; under the same id it is the same message. */
export function sale(bed: Bed, data: Partial<DataOf<'sale'>> = {}, id = 'sale 1') {
  const sold = { saleId: 's1', productId: 'tea', quantity: 1, slot: 'A1', ...data };
  const whose = { deviceId: 'm1', shopId: 'shop_1', position: { boot: 'b1', seq: 1, at: AT } };
  return bed.hear(DeviceDataReceived, { ...whose, dataType: 'sale', data: sold }, { id });
}

/** Tells what is wrong with the machine. */
export function faults(bed: Bed, data: DataOf<'faults'>, seq = 1, at = AT, boot = 'b1') {
  const whose = { deviceId: 'm1', shopId: 'shop_1', position: { boot, seq, at } };
  const told = { ...whose, dataType: 'faults', data } as const;
  return bed.hear(DeviceDataReceived, told, { id: `faults ${boot} ${seq}` });
}

/** A vend after it was carried out as far as it could be without its machine. */
export async function placed(token = 'tok_ok', world = new World(), planned = machine()) {
  const bed = await bedWith([pending(token)], world, planned);
  if ((await place(bed)) !== 'SUCCESS') throw new Error('not acknowledged');
  return { bed, world };
}
