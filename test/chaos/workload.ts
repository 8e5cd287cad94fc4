import { SeededRandom } from '../tools/seeded-random';

/** A later request about an accepted order. */
export interface FollowUp {
  readonly afterMs: number;
  /** `same` and `changed` repeat the order under its key, with the same body or another one. */
  readonly what: 'same' | 'changed' | 'cancel' | 'refund' | 'refund-part';
}

export interface PlannedOrder {
  readonly what: 'order';
  readonly key: string;
  readonly shopper: number;
  readonly items: readonly { product: number; quantity: number }[];
  readonly token: string;
  /** To a country that is not served: the order is refused. */
  readonly unreachable: boolean;
  /** With `Prefer: respond-async`. */
  readonly async: boolean;
  /** How many times it is sent again under its key while it has no answer. */
  readonly retries: number;
  readonly followUps: readonly FollowUp[];
}

export interface PlannedAdjustment {
  readonly what: 'adjust';
  readonly key: string;
  readonly product: number;
  readonly change: number;
}

export interface PlannedReplay {
  readonly what: 'replay';
  readonly service: number;
}

/** A request, and the time between the request before it and this one. */
export type PlannedRequest = { readonly waitMs: number } & (
  PlannedOrder | PlannedAdjustment | PlannedReplay
);

/** The opening stock of each product. */
export const OPENING_STOCK = [100_000, 100_000, 100_000, 2_000, 2_000, 300, 40, 10];
export const SHOPPERS = 8;

const TOKENS = {
  tok_ok: 75,
  tok_flaky: 8,
  tok_declined: 8,
  tok_undeliverable_refund_fails_once: 5,
  tok_timeout: 4,
};
const KINDS = { order: 88, adjust: 10, replay: 2 };
const FOLLOW_UPS = { none: 56, same: 12, changed: 8, cancel: 12, refund: 6, 'refund-part': 6 };

/** An endless sequence of requests: the same one for the same seed. */
export function* workload(seed: number, perSecond: number): Generator<PlannedRequest> {
  const random = new SeededRandom(seed, 'asks');
  for (let n = 0; ; n++) {
    const waitMs = random.pause(perSecond);
    const key = `chaos-${seed}-${n}`;
    switch (random.weighted(KINDS)) {
      case 'order':
        yield { waitMs, ...plannedOrder(random, key) };
        break;
      case 'adjust':
        yield { waitMs, what: 'adjust', key, ...plannedAdjustment(random) };
        break;
      case 'replay':
        yield { waitMs, what: 'replay', service: random.int(0, 99) };
    }
  }
}

function plannedOrder(random: SeededRandom, key: string): PlannedOrder {
  const token = random.weighted(TOKENS);
  const count = random.weighted({ 1: 6, 2: 3, 3: 1 });
  const products = random
    .shuffled(OPENING_STOCK.map((_, product) => product))
    .slice(0, Number(count));
  return {
    what: 'order',
    key,
    shopper: random.int(0, SHOPPERS - 1),
    items: products.map((product) => ({ product, quantity: random.int(1, 3) })),
    token,
    unreachable: random.likely(0.05),
    async: random.likely(0.25),
    retries: random.likely(0.2) ? 0 : random.int(1, 4),
    followUps: [...maybeFollowUp(random), ...maybeFollowUp(random)],
  };
}

function maybeFollowUp(random: SeededRandom): FollowUp[] {
  const what = random.weighted(FOLLOW_UPS);
  const afterMs = random.spread(1, 20_000);
  return what === 'none' ? [] : [{ what, afterMs }];
}

/** Most adjustments add pieces, so that the products with a small stock come back. */
function plannedAdjustment(random: SeededRandom) {
  const product = random.int(0, OPENING_STOCK.length - 1);
  const change = random.likely(0.7) ? random.int(1, 10) : -random.int(1, 5);
  return { product, change };
}
