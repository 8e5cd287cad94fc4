import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import type { EventInput } from '#kit/messages/contract';
import { type Bed, asked, deviceMessages, shopWith, stockOf } from './testing';

type Said = EventInput<typeof DeviceDataReceived>;

/** What happens in the shop, one after the other. A device tells of what `tells` says. */
type Happening =
  | { tells: 'delta'; change: number }
  | { tells: 'sale'; quantity: number }
  | { tells: 'count' }
  | { tells: 'reset' }
  | { does: 'reserve' | 'commit' | 'release' | 'return'; order: number; quantity: number }
  | { does: 'adjust'; change: number };

/** What becomes of a message on its way: how many others pass it, and whether it comes again. */
interface Way {
  passedBy: number;
  twice: boolean;
  lost: boolean;
}

/** Pieces of an order, at most. */
const MOST = 4;
const order = { order: fc.nat({ max: 4 }), quantity: fc.integer({ min: 1, max: MOST }) };
const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({ tells: fc.constant('delta' as const), change: fc.integer({ min: -6, max: 6 }) }),
  fc.record({ tells: fc.constant('sale' as const), quantity: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ tells: fc.constant('count' as const) }),
  fc.record({ tells: fc.constant('reset' as const) }),
  fc.record({ does: fc.constantFrom('reserve' as const, 'commit', 'release', 'return'), ...order }),
  fc.record({ does: fc.constant('adjust' as const), change: fc.integer({ min: -3, max: 6 }) }),
);
const way = (lost: fc.Arbitrary<boolean>) =>
  fc.record({ passedBy: fc.nat({ max: 5 }), twice: fc.boolean(), lost });
const steps = (lost: fc.Arbitrary<boolean>) =>
  fc.array(fc.tuple(happening, way(lost)), { minLength: 1, maxLength: 40 });

/** The shop as it really is, while the stock is told of it late, twice, in another order, or never. */
class Shop {
  #pieces = 20;
  #boot = 1;
  readonly #numbers = { stock: 0, sale: 0 };
  readonly #under: { said: Said; waits: number; twice: boolean }[] = [];
  readonly #messages = deviceMessages('shelf');

  constructor(private readonly bed: Bed) {}

  get pieces(): number {
    return this.#pieces;
  }

  async goOn(what: Happening, way: Way): Promise<void> {
    this.bed.clock.advance(1_000);
    if ('does' in what) await this.#do(what);
    else this.#tell(what, way);
    for (const one of this.#under) one.waits--;
    await this.arrive(({ waits }) => waits < 0);
  }

  async arrive(whose: (one: { waits: number }) => boolean = () => true): Promise<void> {
    for (const one of this.#under.filter(whose)) {
      this.#under.splice(this.#under.indexOf(one), 1);
      for (let times = one.twice ? 2 : 1; times > 0; times--) {
        expect(await this.bed.handleEvent(DeviceDataReceived, one.said)).toBe('SUCCESS');
      }
    }
    const { available, reserved } = await stockOf(this.bed, 'pen');
    expect(Math.min(available, reserved)).toBeGreaterThanOrEqual(0);
  }

  /** All of it lies on the shelf: nothing is under way, and the device has counted. */
  async count(): Promise<void> {
    const sound = { passedBy: 0, twice: false, lost: false };
    await this.goOn({ tells: 'count' }, sound);
    await this.arrive();
  }

  #tell(what: Extract<Happening, { tells: string }>, { passedBy, twice, lost }: Way): void {
    if (what.tells === 'reset') {
      this.#boot++;
      this.#numbers.stock = this.#numbers.sale = 0;
      return;
    }
    const said = this.#said(what);
    if (said !== undefined && !lost) this.#under.push({ said, waits: passedBy, twice });
  }

  #said(what: Exclude<Extract<Happening, { tells: string }>, { tells: 'reset' }>) {
    const at = this.bed.clock.now();
    const boot = `b${this.#boot}`;
    if (what.tells === 'count') {
      return this.#messages.count(++this.#numbers.stock, this.#pieces, at, boot);
    }
    const change = what.tells === 'delta' ? what.change : -what.quantity;
    // nobody takes what is not there
    if (this.#pieces + change < 0) return undefined;
    this.#pieces += change;
    if (what.tells === 'delta') {
      return this.#messages.delta(++this.#numbers.stock, change, at, boot);
    }
    const sale = this.#messages.sale(++this.#numbers.sale, what.quantity, at);
    return { ...sale, position: { ...sale.position, boot } };
  }

  async #do(what: Extract<Happening, { does: string }>): Promise<void> {
    const { bed } = this;
    const before = await sum(bed);
    // nobody carries away what is not there, whatever the stock still believes
    const takes = what.does === 'adjust' ? -what.change : what.does === 'commit' ? MOST : 0;
    if (takes > this.#pieces) return;
    if (what.does === 'adjust') {
      if (what.change === 0) return;
      const place = { shopId: 'shop_1', productId: 'pen' };
      await bed
        .call('adjustStock', { ...place, change: what.change, reason: 'count' })
        .catch(() => undefined);
    } else {
      const request = asked(`o${what.order}`, { pen: what.quantity });
      if (what.does === 'return') await bed.call('release', { ...request, confirmed: true });
      else await bed.call(what.does, request).catch(() => undefined);
    }
    // what the system takes for good or gets back, somebody carries away or brings
    this.#pieces += (await sum(bed)) - before;
  }
}

/** What lies there as the stock has it. */
async function sum(bed: Bed): Promise<number> {
  const { available, reserved, shelf } = await stockOf(bed, 'pen');
  return available + reserved - (shelf?.missing ?? 0);
}

const run = async (
  config: Parameters<typeof shopWith>[2],
  happenings: readonly (readonly [Happening, Way])[],
) => {
  const bed = await shopWith({ pen: 20 }, 0, config);
  const shop = new Shop(bed);
  // its clock is known to be right
  const known = deviceMessages('shelf').sale(1, 1, bed.clock.now(), 'A3');
  await bed.handleEvent(DeviceDataReceived, {
    ...known,
    position: { ...known.position, boot: 'b0' },
  });
  for (const [what, way] of happenings) await shop.goOn(what, way);
  await shop.arrive();
  return { bed, shop };
};

it('a stock of which all is told, however late and often, is what is there', async () => {
  await fc.assert(
    fc.asyncProperty(steps(fc.constant(false)), async (happenings) => {
      const { bed, shop } = await run({ DRIFT_POLICY: 'agreement' }, happenings);
      expect(await sum(bed)).toBe(shop.pieces);
    }),
    { numRuns: 200 },
  );
});

it('a stock of which something is never told is what is there once it is counted', async () => {
  await fc.assert(
    fc.asyncProperty(
      steps(fc.boolean()),
      fc.constantFrom('agreement' as const, 'tolerance'),
      async (happenings, policy) => {
        const config = { DRIFT_POLICY: policy, DRIFT_TOLERANCE: 1_000 };
        const { bed, shop } = await run(config, happenings);
        // the first begins the stock's memory where nothing was told before
        for (let counts = 0; counts < 3; counts++) await shop.count();
        expect(await sum(bed)).toBe(shop.pieces);
        expect(
          await bed.call('getStock', { shopId: 'shop_1', productId: 'pen' }),
        ).not.toHaveProperty('doubtful', true);
      },
    ),
    { numRuns: 200 },
  );
});
