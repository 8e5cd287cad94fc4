import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import type { EventInput } from '#kit/messages/contract';
import { byAdmin, type Bed, orderFor, deviceMessages, shopWith, stockOf } from './testing';

type Message = EventInput<typeof DeviceDataReceived>;

/** What happens in the shop. The device reports `reports`; the platform itself does `does`. */
type Step =
  | { reports: 'delta'; change: number }
  | { reports: 'sale'; quantity: number }
  | { reports: 'count' }
  | { reports: 'reset' }
  | { does: 'reserve' | 'commit' | 'release' | 'return'; order: number; quantity: number }
  | { does: 'adjust'; change: number };

/** The delivery of a message: how many later events overtake it, and whether it is duplicated or lost. */
interface Delivery {
  overtakenBy: number;
  duplicated: boolean;
  lost: boolean;
}

/** The largest quantity of an order. */
const MAX_QUANTITY = 4;
const order = { order: fc.nat({ max: 4 }), quantity: fc.integer({ min: 1, max: MAX_QUANTITY }) };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ reports: fc.constant('delta' as const), change: fc.integer({ min: -6, max: 6 }) }),
  fc.record({ reports: fc.constant('sale' as const), quantity: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ reports: fc.constant('count' as const) }),
  fc.record({ reports: fc.constant('reset' as const) }),
  fc.record({ does: fc.constantFrom('reserve' as const, 'commit', 'release', 'return'), ...order }),
  fc.record({ does: fc.constant('adjust' as const), change: fc.integer({ min: -3, max: 6 }) }),
);
const delivery = (lost: fc.Arbitrary<boolean>) =>
  fc.record({ overtakenBy: fc.nat({ max: 5 }), duplicated: fc.boolean(), lost });
const steps = (lost: fc.Arbitrary<boolean>) =>
  fc.array(fc.tuple(step, delivery(lost)), { minLength: 1, maxLength: 40 });

/** The real shop. Its stock gets the reports late, duplicated, in another order, or never. */
class Shop {
  #pieces = 20;
  #boot = 1;
  readonly #numbers = { stock: 0, sale: 0 };
  readonly #inFlight: { message: Message; waits: number; duplicated: boolean }[] = [];
  readonly #messages = deviceMessages('shelf');

  constructor(private readonly bed: Bed) {}

  get pieces(): number {
    return this.#pieces;
  }

  async next(what: Step, delivery: Delivery): Promise<void> {
    this.bed.clock.advance(1_000);
    if ('does' in what) await this.#do(what);
    else this.#report(what, delivery);
    for (const one of this.#inFlight) one.waits--;
    await this.arrive(({ waits }) => waits < 0);
  }

  async arrive(whose: (one: { waits: number }) => boolean = () => true): Promise<void> {
    for (const one of this.#inFlight.filter(whose)) {
      this.#inFlight.splice(this.#inFlight.indexOf(one), 1);
      for (let times = one.duplicated ? 2 : 1; times > 0; times--) {
        expect(await this.bed.handleEvent(DeviceDataReceived, one.message)).toBe('SUCCESS');
      }
    }
    const { available, reserved } = await stockOf(this.bed, 'pen');
    expect(Math.min(available, reserved)).toBeGreaterThanOrEqual(0);
  }

  /** Delivers all messages, and a count after them. */
  async count(): Promise<void> {
    const perfect = { overtakenBy: 0, duplicated: false, lost: false };
    await this.next({ reports: 'count' }, perfect);
    await this.arrive();
  }

  #report(
    what: Extract<Step, { reports: string }>,
    { overtakenBy, duplicated, lost }: Delivery,
  ): void {
    if (what.reports === 'reset') {
      this.#boot++;
      this.#numbers.stock = this.#numbers.sale = 0;
      return;
    }
    const message = this.#messageFor(what);
    if (message !== undefined && !lost)
      this.#inFlight.push({ message, waits: overtakenBy, duplicated });
  }

  #messageFor(what: Exclude<Extract<Step, { reports: string }>, { reports: 'reset' }>) {
    const at = this.bed.clock.now();
    const boot = `b${this.#boot}`;
    if (what.reports === 'count') {
      return this.#messages.count(++this.#numbers.stock, this.#pieces, at, boot);
    }
    const change = what.reports === 'delta' ? what.change : -what.quantity;
    // pieces that are not there cannot be taken
    if (this.#pieces + change < 0) return undefined;
    this.#pieces += change;
    if (what.reports === 'delta') {
      return this.#messages.delta(++this.#numbers.stock, change, at, boot);
    }
    const sale = this.#messages.sale(++this.#numbers.sale, what.quantity, at);
    return { ...sale, position: { ...sale.position, boot, start: this.#boot } };
  }

  async #do(what: Extract<Step, { does: string }>): Promise<void> {
    const { bed } = this;
    const before = await piecesIn(bed);
    // pieces that are not there cannot be taken, whatever the stock says
    const takes = what.does === 'adjust' ? -what.change : what.does === 'commit' ? MAX_QUANTITY : 0;
    if (takes > this.#pieces) return;
    if (what.does === 'adjust') {
      if (what.change === 0) return;
      const stockId = { shopId: 'shop_1', productId: 'pen' };
      await bed
        .call('adjustStock', { ...stockId, change: what.change, reason: 'count' }, byAdmin)
        .catch(() => undefined);
    } else {
      const request = orderFor(`o${what.order}`, { pen: what.quantity });
      if (what.does === 'return') await bed.call('release', { ...request, confirmed: true });
      else await bed.call(what.does, request).catch(() => undefined);
    }
    // pieces that the platform sells or gets back really leave or return
    this.#pieces += (await piecesIn(bed)) - before;
  }
}

/** The pieces on the shelf according to the stock. */
async function piecesIn(bed: Bed): Promise<number> {
  const { available, reserved, shelf } = await stockOf(bed, 'pen');
  return available + reserved - (shelf?.missing ?? 0);
}

const run = async (
  config: Parameters<typeof shopWith>[2],
  steps: readonly (readonly [Step, Delivery])[],
) => {
  const bed = await shopWith({ pen: 20 }, 0, config);
  const shop = new Shop(bed);
  for (const [what, delivery] of steps) await shop.next(what, delivery);
  await shop.arrive();
  return { bed, shop };
};

it('a stock equals the real pieces if every report arrives, however late and often', async () => {
  await fc.assert(
    fc.asyncProperty(steps(fc.constant(false)), async (steps) => {
      const { bed, shop } = await run({ DRIFT_POLICY: 'agreement' }, steps);
      expect(await piecesIn(bed)).toBe(shop.pieces);
    }),
    { numRuns: 200 },
  );
});

it('a stock equals the real pieces after counts, even if reports are lost', async () => {
  await fc.assert(
    fc.asyncProperty(
      steps(fc.boolean()),
      fc.constantFrom('agreement' as const, 'tolerance'),
      async (steps, policy) => {
        const config = { DRIFT_POLICY: policy, DRIFT_TOLERANCE: 1_000 };
        const { bed, shop } = await run(config, steps);
        // the first count starts the stored movements if nothing was reported before
        for (let counts = 0; counts < 3; counts++) await shop.count();
        expect(await piecesIn(bed)).toBe(shop.pieces);
        expect(
          await bed.call('getStock', { shopId: 'shop_1', productId: 'pen' }),
        ).not.toHaveProperty('doubtful', true);
      },
    ),
    { numRuns: 200 },
  );
});
