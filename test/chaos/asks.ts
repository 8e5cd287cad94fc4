import { Chance } from './chance';

/** What is done with an order later on. */
export interface Next {
  readonly afterMs: number;
  readonly what: 'same' | 'changed' | 'cancel' | 'refund' | 'refund-part';
}

export interface OrderAsk {
  readonly what: 'order';
  readonly key: string;
  readonly shopper: number;
  readonly items: readonly { product: number; quantity: number }[];
  readonly token: string;
  /** To an address that cannot be delivered to. */
  readonly nowhere: boolean;
  /** With `Prefer: respond-async`. */
  readonly async: boolean;
  /** How often it is asked again under its key while it has no answer. */
  readonly patience: number;
  readonly next: readonly Next[];
}

export interface AdjustAsk {
  readonly what: 'adjust';
  readonly key: string;
  readonly product: number;
  readonly change: number;
}

export interface ReplayAsk {
  readonly what: 'replay';
  readonly service: number;
}

/** What is asked, and how long after what was asked before. */
export type Ask = { readonly waitMs: number } & (OrderAsk | AdjustAsk | ReplayAsk);

/** The pieces that there are of each product at first. */
export const PIECES = [100_000, 100_000, 100_000, 2_000, 2_000, 300, 40, 10];
export const SHOPPERS = 8;

const TOKENS = {
  tok_ok: 75,
  tok_flaky: 8,
  tok_declined: 8,
  tok_undeliverable_refund_fails_once: 5,
  tok_timeout: 4,
};
const WHAT = { order: 88, adjust: 10, replay: 2 };
const NEXT = { none: 56, same: 12, changed: 8, cancel: 12, refund: 6, 'refund-part': 6 };

/** What is asked, one after the other, for ever: the same for the same seed. */
export function* asks(seed: number, perSecond: number): Generator<Ask> {
  const chance = new Chance(seed, 'asks');
  for (let n = 0; ; n++) {
    const waitMs = chance.pause(perSecond);
    const key = `chaos-${seed}-${n}`;
    switch (chance.weighted(WHAT)) {
      case 'order':
        yield { waitMs, ...anOrder(chance, key) };
        break;
      case 'adjust':
        yield { waitMs, what: 'adjust', key, ...anAdjustment(chance) };
        break;
      case 'replay':
        yield { waitMs, what: 'replay', service: chance.int(0, 99) };
    }
  }
}

function anOrder(chance: Chance, key: string): OrderAsk {
  const token = chance.weighted(TOKENS);
  const count = chance.weighted({ 1: 6, 2: 3, 3: 1 });
  const products = chance.shuffled(PIECES.map((_, product) => product)).slice(0, Number(count));
  return {
    what: 'order',
    key,
    shopper: chance.int(0, SHOPPERS - 1),
    items: products.map((product) => ({ product, quantity: chance.int(1, 3) })),
    token,
    nowhere: token === 'tok_undeliverable_refund_fails_once' || chance.likely(0.05),
    async: chance.likely(0.25),
    patience: chance.likely(0.2) ? 0 : chance.int(1, 4),
    next: [...later(chance), ...later(chance)],
  };
}

function later(chance: Chance): Next[] {
  const what = chance.weighted(NEXT);
  const afterMs = chance.spread(1, 20_000);
  return what === 'none' ? [] : [{ what, afterMs }];
}

/** Of what there is little, more comes now and then, and sometimes some goes. */
function anAdjustment(chance: Chance) {
  const product = chance.int(0, PIECES.length - 1);
  const change = chance.likely(0.7) ? chance.int(1, 10) : -chance.int(1, 5);
  return { product, change };
}
