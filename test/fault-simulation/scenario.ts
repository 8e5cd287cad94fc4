import fc from 'fast-check';
import { APPS, type App, type Fault, type Operation, WAYS } from './faults';

/** The products in the catalogue, and one that is not. */
export const PRODUCTS = ['ink', 'pen'] as const;
const UNKNOWN = 'tea';

export const TOKENS = [
  'tok_ok',
  'tok_declined',
  'tok_flaky',
  'tok_timeout',
  'tok_undeliverable_refund_fails_once',
  'tok_unheard_of',
] as const;

export const CHANNELS = ['online', 'pickup', 'store'] as const;

/**
 * Where an order is delivered to. Nowhere: 00000 is not a postal code. US is not served. FR is served by
 * one process of the delivery service only, as while its configuration changes: an order may be accepted
 * and then be undeliverable.
 */
export const PLACES = ['DE', 'nowhere', 'US', 'FR'] as const;

export interface OrderForm {
  items: { productId: string; quantity: number }[];
  token: (typeof TOKENS)[number];
  channel: (typeof CHANNELS)[number];
  place: (typeof PLACES)[number];
  /** Whether the client requests a quote before, and names it. */
  quoted: boolean;
}

/** An action and its time in milliseconds; `order` is the number of an order, from 0. */
export type Action =
  | {
      do: 'place';
      at: number;
      order: number;
      form: OrderForm;
      respondAsync: boolean;
      tries: number;
    }
  /** Repeats an order under its key: the same request, or with one more piece. */
  | { do: 'repeat'; at: number; order: number; changed: boolean }
  | { do: 'cancel'; at: number; order: number; tries: number }
  /** By an admin; null refunds the rest. */
  | { do: 'refund'; at: number; order: number; amount: string | null; tries: number }
  | { do: 'adjust'; at: number; productId: string; change: number; tries: number }
  /** Steps of the delivery: picked up, in transit, delivered. */
  | { do: 'deliver'; at: number; order: number; steps: number }
  /** Steps of a pickup: ready, collected. */
  | { do: 'pickup'; at: number; order: number; steps: number; tries: number }
  /**
   * A buyer requests to return one piece of each item, or all; then a seller receives it, and decides on it.
   */
  | {
      do: 'return';
      at: number;
      order: number;
      all: boolean;
      steps: number;
      /** The pieces of each item that the shop accepts at most, and puts back. */
      accepted: number;
      restocked: number;
      tries: number;
    }
  /** The shop withdraws a product, or offers it at a price of its own; null: of the catalogue. */
  | {
      do: 'offer';
      at: number;
      productId: string;
      price: string | null;
      tries: number;
    }
  | { do: 'replay'; at: number; app: App };

export interface Scenario {
  /** Decides all latencies, and with them the interleaving. */
  seed: number;
  /** The opening stock of each product. */
  pieces: number[];
  /** Who pays the deliveries of the shop. */
  deliveryPaidBy: 'shop' | 'buyer';
  /** Stocks and lists are changed so often by others that inbox entries are soon dropped. */
  hot: boolean;
  actions: Action[];
  faults: Fault[];
}

const MOST_ORDERS = 4;

/** How long an app is down in an outage, and the times of actions before, during and after it. */
export const OUTAGE = { from: 60_000, ms: 30 * 60_000 };
const AROUND_OUTAGE_MS = OUTAGE.from + OUTAGE.ms + 60_000;
const MOST_ORDERS_AROUND_OUTAGE = 16;

/** A time: most are early, when requests are in flight. */
const at = fc.oneof(
  { arbitrary: fc.nat({ max: 600 }), weight: 4 },
  { arbitrary: fc.nat({ max: 8_000 }), weight: 3 },
  { arbitrary: fc.nat({ max: 100_000 }), weight: 1 },
);
/** The duration of a fault: shorter than a retry, than a redelivery, or longer than any deadline. */
const ms = fc.oneof(
  { arbitrary: fc.integer({ min: 10, max: 2_000 }), weight: 3 },
  { arbitrary: fc.integer({ min: 2_000, max: 90_000 }), weight: 2 },
);
const order = fc.nat({ max: MOST_ORDERS - 1 });
const tries = fc.integer({ min: 1, max: 3 });
const replica = fc.nat({ max: 1 });
/** The number of the operation that is hit; most are low, as most schedules have few operations. */
const nth = fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 50 }));
const app = fc.oneof(
  { arbitrary: fc.constant<App>('order'), weight: 5 },
  { arbitrary: fc.constantFrom<App>('inventory', 'payment'), weight: 5 },
  { arbitrary: fc.constantFrom(...APPS), weight: 3 },
);

/** The operations of each app; rare ones are repeated, so that they are drawn as often as the others. */
const OPERATIONS: Readonly<Record<App, readonly Operation[]>> = {
  order: ['load', 'save', 'publish', 'call', 'call', 'call'],
  inventory: ['load', 'save', 'publish'],
  payment: ['load', 'save', 'publish', 'request', 'request', 'request'],
  delivery: ['load', 'save', 'publish'],
  notification: ['load', 'save', 'publish', 'call', 'send', 'send'],
  product: ['load', 'save', 'publish'],
  shop: ['load', 'save'],
};
const operation = app.chain((of) =>
  fc.record({ app: fc.constant(of), operation: fc.constantFrom(...OPERATIONS[of]) }),
);
/** Only these apps give up events: faults that last long hit them. */
const lateSubscriber = fc.record({
  app: fc.constantFrom<App>('notification', 'product'),
  operation: fc.constantFrom<Operation>('load', 'save', 'publish'),
});
/** Long enough that an event becomes a dead letter meanwhile. */
const longMs = fc.integer({ min: 12_000, max: 60_000 });

const items = fc.uniqueArray(
  fc.record({
    productId: fc.oneof(
      { arbitrary: fc.constantFrom<string>(...PRODUCTS), weight: 20 },
      { arbitrary: fc.constant<string>(UNKNOWN), weight: 1 },
    ),
    quantity: fc.integer({ min: 1, max: 3 }),
  }),
  { minLength: 1, maxLength: 2, selector: ({ productId }) => productId },
);

const form: fc.Arbitrary<OrderForm> = fc.record({
  items,
  token: fc.oneof(
    { arbitrary: fc.constant('tok_ok' as const), weight: 3 },
    { arbitrary: fc.constantFrom(...TOKENS), weight: 2 },
  ),
  channel: fc.oneof(
    { arbitrary: fc.constant('online' as const), weight: 5 },
    { arbitrary: fc.constantFrom(...CHANNELS), weight: 3 },
  ),
  place: fc.oneof(
    { arbitrary: fc.constant('DE' as const), weight: 8 },
    { arbitrary: fc.constantFrom(...PLACES), weight: 3 },
  ),
  quoted: fc.integer({ min: 0, max: 4 }).map((drawn) => drawn === 4),
});

const place = fc.record({
  ...{ do: fc.constant('place' as const), at, order, form, tries },
  respondAsync: fc.boolean(),
});
const other: fc.Arbitrary<Action> = fc.oneof(
  {
    arbitrary: fc.record({ do: fc.constant('cancel' as const), at, order, tries }),
    weight: 4,
  },
  {
    arbitrary: fc.record({
      ...{ do: fc.constant('repeat' as const), at, order },
      changed: fc.boolean(),
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      ...{ do: fc.constant('refund' as const), at, order, tries },
      amount: fc.constantFrom(null, '1.00', '2.50', '100.00'),
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      ...{ do: fc.constant('adjust' as const), at, tries },
      productId: fc.constantFrom(...PRODUCTS),
      change: fc.constantFrom(-2, -1, 1, 2, 5),
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      ...{ do: fc.constant('deliver' as const), at, order },
      steps: fc.integer({ min: 1, max: 3 }),
    }),
    weight: 1,
  },
  {
    arbitrary: fc.record({
      ...{ do: fc.constant('pickup' as const), at, order, tries },
      steps: fc.integer({ min: 1, max: 2 }),
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      ...{ do: fc.constant('return' as const), at, order, tries },
      all: fc.boolean(),
      steps: fc.integer({ min: 1, max: 3 }),
      accepted: fc.nat({ max: 3 }),
      restocked: fc.nat({ max: 3 }),
    }),
    weight: 3,
  },
  {
    arbitrary: fc.record({
      ...{ do: fc.constant('offer' as const), at, tries },
      productId: fc.constantFrom(...PRODUCTS),
      price: fc.constantFrom(null, 'withdrawn' as const, '0.50', '3.00'),
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({ do: fc.constant('replay' as const), at, app }),
    weight: 1,
  },
);

const fault: fc.Arbitrary<Fault> = fc.oneof(
  {
    arbitrary: fc
      .tuple(operation, nth, ms, fc.constantFrom(...WAYS))
      .map(([which, nth, ms, way]) => ({ kind: 'operation' as const, ...which, nth, ms, way })),
    weight: 6,
  },
  {
    arbitrary: fc
      .oneof(
        { arbitrary: fc.tuple(operation, nth, ms), weight: 3 },
        { arbitrary: fc.tuple(lateSubscriber, nth, longMs), weight: 1 },
      )
      .map(([which, nth, ms]) => ({ kind: 'away' as const, ...which, nth, ms })),
    weight: 2,
  },
  { arbitrary: fc.record({ kind: fc.constant('conflict' as const), app, nth }), weight: 1 },
  {
    arbitrary: fc.record({ kind: fc.constant('kill' as const), app, replica, nth, ms }),
    weight: 4,
  },
  {
    arbitrary: fc.record({ kind: fc.constant('stop' as const), app, replica, nth, ms }),
    weight: 3,
  },
  {
    arbitrary: fc.record({ kind: fc.constant('restart' as const), app, replica, nth, ms }),
    weight: 1,
  },
  {
    arbitrary: fc.record({
      ...{ kind: fc.constant('delivery' as const), app, nth, ms },
      way: fc.constantFrom('twice' as const, 'late' as const, 'unacknowledged' as const),
    }),
    weight: 3,
  },
  {
    arbitrary: fc.record({
      ...{ kind: fc.constant('outage' as const), at, ms },
      app: fc.oneof(app, fc.constant('all' as const)),
    }),
    weight: 1,
  },
);

/** Few orders for few pieces, so that they compete, and few faults, so that one can tell which was the cause. */
export const scenarios: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.nat(),
  pieces: fc.tuple(fc.nat({ max: 6 }), fc.nat({ max: 6 })),
  deliveryPaidBy: fc.constantFrom('shop' as const, 'buyer' as const),
  hot: fc.integer({ min: 0, max: 9 }).map((drawn) => drawn === 9),
  actions: fc
    .tuple(
      fc.array(place, { minLength: 1, maxLength: MOST_ORDERS - 1 }),
      fc.array(other, { maxLength: 5 }),
    )
    .map(([orders, others]) => [...orders, ...others]),
  faults: fc.array(fault, { maxLength: 6 }),
});

/** An app is down for half an hour, while orders come in before, during and after that. */
export function outagesOf(app: App): fc.Arbitrary<Scenario> {
  const around = fc.nat({ max: AROUND_OUTAGE_MS });
  const number = fc.nat({ max: MOST_ORDERS_AROUND_OUTAGE - 1 });
  const before = fc.nat({ max: OUTAGE.from });
  return fc.record({
    seed: fc.nat(),
    pieces: fc.constant([60, 60]),
    deliveryPaidBy: fc.constantFrom('shop' as const, 'buyer' as const),
    hot: fc.constant(false),
    actions: fc
      .tuple(
        fc.array(fc.tuple(place, number, fc.oneof(around, before)), {
          minLength: 8,
          maxLength: 24,
        }),
        fc.array(fc.tuple(other, around), { maxLength: 12 }),
      )
      .map(([orders, others]) => [
        ...orders.map(([action, order, at]) => ({ ...action, order, at })),
        ...others.map(([action, at]) => ({ ...action, at })),
      ]),
    faults: fc.constant([{ kind: 'outage' as const, app, at: OUTAGE.from, ms: OUTAGE.ms }]),
  });
}
