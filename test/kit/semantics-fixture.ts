import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { OrderCreated } from '#contracts/order';
import { asService } from '#kit/core/caller';
import type { CloudEvent } from '#kit/messages/cloud-event';
import { type CallContext, newCallContext } from '#kit/core/call-context';
import type { SampleSystem } from './sample-system';
import { type Context, forget, seen } from './sample';

const MINUTE = 60_000;
export const price = { amount: '1.00', currency: 'EUR' };

let counter = 0;
/** A unique id. */
export const fresh = (prefix = 'o') => `${prefix}_${String(process.pid)}_${String(++counter)}`;

/** The data of order.created for an order. */
export const created = (orderId: string) => ({
  orderId,
  shopId: 's',
  userId: 'u',
  items: [{ productId: 'p', quantity: 1, unitPrice: price }],
  totalAmount: price,
});

/** A sample system that is open while its tests run, and helpers for them. */
export class SemanticsFixture<B extends SampleSystem = SampleSystem> {
  #system: B | undefined;

  constructor(open: () => Promise<B>) {
    beforeAll(async () => {
      this.#system = await open();
    }, 3 * MINUTE);
    afterAll(() => this.#system?.close(), MINUTE);
    afterEach(forget);
  }

  get system(): B {
    if (this.#system === undefined) throw new Error('the system is not open');
    return this.#system;
  }

  /** The calls of the handlers of this kind for this id. */
  readonly times = (what: string, id: string) =>
    seen.filter((entry) => entry.what === what && entry.id === id);

  readonly until = async (what: string, id: string, count = 1) => {
    const isSeen = () => this.times(what, id).length >= count;
    await this.system.until(`${String(count)} × ${what} of ${id}`, isSeen);
  };

  /** A context of the requesting service. */
  readonly begin = (given: Partial<CallContext> = {}): Context =>
    // the runtime of this very service
    this.system.order.runtime.openContext(
      newCallContext(this.system.clock, { caller: asService(), deadline: Infinity, ...given }),
    ) as unknown as Context;

  /** Waits for the dead letter of an event. */
  readonly deadLetter = async (id: string) => {
    const { deadLetters } = this.system.order.runtime;
    await this.system.until(`a dead letter ${id}`, async () => {
      const { letters } = await deadLetters.page(1, 100);
      return letters.some((known) => known.id === id);
    });
    return deadLetters.get(id);
  };

  readonly event = (id: string, over: Partial<CloudEvent> = {}): CloudEvent => ({
    specversion: '1.0',
    id,
    type: OrderCreated.type,
    source: 'order',
    subject: id,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    eventversion: 1,
    correlationid: `corr-${id}`,
    causationid: 'cause',
    sequence: 7,
    tenantid: 'default',
    data: created(id),
    ...over,
  });
}
