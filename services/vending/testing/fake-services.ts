import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import type { Caller } from '#kit/core/caller';
import { Code, MicroserviceError, invalid, notFound } from '#kit/core/errors';
import { FakeClock } from '#kit/testing/fake-clock';
import type { TestbedOptions } from '#kit/testing/testbed-options';
import { CommitOutcome, ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import type { vending } from '../service';

// Fakes of the services that a vend calls. Like the real ones, they deduplicate by the vend's id and
// store their state.

export const seller: Caller = { userId: 'sam', role: 'seller', tenantId: 'default' };
export const price = { amount: '2.50', currency: 'EUR' };

/** The prices of the shop. */
const OFFERS: Readonly<Record<string, typeof price>> = {
  tea: price,
  gum: { amount: '1.00', currency: 'EUR' },
  fig: { amount: '1.00', currency: 'USD' },
};

type Fakes = NonNullable<TestbedOptions<typeof vending.definition>['calls']>;

/** The services that a vend calls, with the state of each, and the presence of the machine. */
export class FakeServices {
  readonly stock = new Map<string, 'refused' | 'held' | 'sold' | 'released'>();
  /** Free pieces of each product in the shop's stock. */
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
  /** The reason with which the shop refuses a product that it does not sell. */
  offerRefusal = 'not_offered';
  /** The shop of all devices. */
  shopId = 'shop_1';
  readonly #faults = new Map<string, { error: MicroserviceError; times: number }>();
  readonly clock = new FakeClock();
  readonly #tokens = new Map<string, string>();
  readonly #transientFailures = new Map<string, number>();

  readonly calls: Fakes = {
    shop: {
      getDevice: ({ deviceId }, { callContext: { caller } }) => {
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
          const details = { reason: this.offerRefusal, productId };
          throw new MicroserviceError('not sold here', Code.NOT_FOUND, details);
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
          throw invalid('expiresAt', 'must be at least 1 s from now');
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
        if (token === 'tok_flaky' && this.#failsTransiently(2, orderId))
          throw failure(Code.UNAVAILABLE);
        const decision = token === 'tok_declined' ? 'declined' : 'authorised';
        const status = this.money.get(orderId) ?? decision;
        this.money.set(orderId, status);
        if (token === 'tok_timeout' && status === 'authorised') {
          this.clock.advance(2_500);
          throw failure(Code.DEADLINE_EXCEEDED);
        }
        const reason = status === 'declined' ? 'insufficient_funds' : '';
        return { paymentId: `pay_${orderId}`, status, reason };
      },
      capture: ({ orderId }) => {
        this.#fail('capture');
        const token = this.#tokens.get(orderId);
        if (this.money.get(orderId) === undefined) throw notFound('payments');
        if (token === 'tok_capture_flaky' && this.#failsTransiently(2, orderId)) {
          throw failure(Code.UNAVAILABLE);
        }
        if (this.money.get(orderId) === 'authorised') {
          this.money.set(orderId, token === 'tok_capture_expired' ? 'expired' : 'captured');
        }
        if (token === 'tok_capture_timeout' && this.#failsTransiently(2, orderId)) {
          throw failure(Code.DEADLINE_EXCEEDED);
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

  /** Whether the vend's piece left the stock, and whether it is paid. Throws if either is undecided. */
  outcome(vendId = 'v1'): { sold: boolean; paid: boolean } {
    const stock = [this.stock.get(vendId), this.stock.get(`${vendId}_late`)];
    const money = this.money.get(vendId);
    if (stock.includes('held') || money === 'authorised') {
      throw new Error(`the vend is undecided: ${JSON.stringify([stock, money])}`);
    }
    return { sold: stock.includes('sold'), paid: money === 'captured' };
  }

  #failsTransiently(times: number, orderId: string): boolean {
    const failed = this.#transientFailures.get(orderId) ?? 0;
    this.#transientFailures.set(orderId, failed + 1);
    return failed < times;
  }

  /** The next calls of a method throw this error. */
  failNext(method: string, error: MicroserviceError, times = 1): void {
    this.#faults.set(method, { error, times });
  }

  #fail(method: string): void {
    const fault = this.#faults.get(method);
    if (fault === undefined || fault.times-- <= 0) return;
    throw fault.error;
  }
}

function dateOf(timestamp: Timestamp | undefined): Date {
  if (timestamp === undefined) throw new Error('the timestamp is missing');
  return timestampDate(timestamp);
}

export function failure(code: Code): MicroserviceError {
  return new MicroserviceError('no answer', code);
}
