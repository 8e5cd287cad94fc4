import { z } from 'zod';
import { OrderCancelled, OrderConfirmed, OrderCreated, PlaceOrder } from '#contracts/order';
import { DeliveryService } from '#proto/retail/delivery/v1/delivery_pb';
import { InventoryService, ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import type { Caller } from '#kit/core/caller';
import { defineEvent, defineRequest } from '#kit/messages/contract';
import type { EventMeta } from '#kit/messages/cloud-event';
import { Code, MicroserviceError, invalid, notFound, refused, unavailable } from '#kit/core/errors';
import { methods } from '#kit/service/definition';
import { type ContextOf, Service } from '#kit/service/service';
import type { EndpointResponse, EndpointRequest } from '#kit/transport/sidecar';

/**
 * Two services without behaviour of their own: each handler runs the function that its test has put into
 * `script` under the id of the order, so that one suite can run on every transport.
 */
export const script = new Map<string, (context: Context, meta?: EventMeta) => Promise<void>>();

/** The calls of all handlers, in order. */
export const seen: {
  what: string;
  id: string;
  causeId: string;
  caller: Caller;
  detail?: unknown;
}[] = [];

const Counted = z.object({ orderId: z.string(), count: z.number() });

/** A request from one service to the other over the bus. */
export const AskStock = defineRequest('AskStock', {
  type: 'inventory.ask-stock',
  description: 'How many pieces there are.',
  data: z.object({ orderId: z.string() }),
  reply: z.object({ available: z.int(), text: z.string() }),
  subject: ({ orderId }) => orderId,
});

const stockSubject = () => 'stock';
const OldStock = z.object({ pieces: z.int() });
const NewStock = z.object({ available: z.int(), reserved: z.int() });
const counted = { type: 'stock.counted', description: 'A test.', subject: stockSubject };
/** One event for the old code, for the new code, and from the new code for both. */
export const StockCountedOld = defineEvent('StockCounted', { ...counted, data: OldStock });
const upcast = (data: unknown) => ({ available: OldStock.parse(data).pieces, reserved: 0 });
const newer = { ...counted, version: 2, earlierVersions: [{ version: 1, data: OldStock, upcast }] };
export const StockCounted = defineEvent('StockCounted', { ...newer, data: NewStock });
export const StockCountedForBoth = defineEvent('StockCounted', {
  ...{ ...newer, minVersion: 1 },
  data: NewStock.extend({ pieces: z.int() }),
});

export const asker = new Service('order', {
  serves: OrderService,
  calls: {
    inventory: methods(InventoryService, 'getStock', 'reserve'),
    // does not run
    delivery: methods(DeliveryService, 'getDelivery'),
  },
  operations: ['getStatus'],
  stores: { counts: Counted },
  lists: ['all'],
  endpoints: ['echo', 'nowhere'],
  publishes: [
    PlaceOrder,
    OrderCreated,
    OrderConfirmed,
    StockCountedOld,
    StockCounted,
    StockCountedForBoth,
  ],
  requests: [AskStock],
  // ample where it is answered; otherwise the test sets its own
  callTimeouts: { [AskStock.type]: 30_000 },
});
export type Context = ContextOf<typeof asker>;

const play = async (what: string, orderId: string, context: Context, meta?: EventMeta) => {
  const { callContext, caller } = context;
  seen.push({ what, id: orderId, causeId: callContext.id, caller, detail: meta });
  await script.get(orderId)?.(context, meta);
};

asker.on(PlaceOrder, async ({ orderId }, context, meta) => play('command', orderId, context, meta));
asker.on(OrderCreated, async ({ orderId }, context, meta) => play('event', orderId, context, meta));
asker.on(OrderCancelled, async ({ orderId }, context, meta) => {
  await play('cancelled', orderId, context, meta);
});
asker.on(
  OrderConfirmed,
  async ({ orderId }, context, meta) => play('batched', orderId, context, meta),
  { maxEvents: 50, maxWaitMs: 200 },
);
asker.on(StockCounted, async (data, { callContext, caller }) => {
  seen.push({
    what: 'counted by new',
    id: callContext.correlationId,
    causeId: callContext.id,
    caller,
    detail: data,
  });
});
asker.onJob('remind', z.object({ orderId: z.string() }), async ({ orderId }, context) => {
  await play('job', orderId, context);
});
asker.onBinding(
  'devices',
  async ({ data, metadata }, context) => {
    await play('binding', `${metadata['topic'] ?? ''} ${Buffer.from(data).toString()}`, context);
    return undefined;
  },
  ({ data }) => Buffer.from(data).toString(),
);
asker.serve({
  placeOrder: async (_, context) => {
    const orderId = context.newId('order');
    const done = await context.dispatchAndWait(PlaceOrder, { orderId }, () =>
      context.counts.get(orderId),
    );
    return { orderId, status: done === undefined ? 'pending' : `done ${String(done.count)}` };
  },
  getOrder: async ({ orderId }, context) => {
    await play('call', orderId, context);
    return { orderId };
  },
  listOrders: async () => ({}),
  cancelOrder: async () => ({}),
  getStory: async () => ({}),
  updatePickup: async () => ({}),
  listPickups: async () => ({}),
  requestReturn: async () => ({}),
  getReturn: async () => ({}),
  receiveReturn: async () => ({}),
  decideReturn: async () => ({}),
  listReturns: async () => ({}),
});

/** The HTTP endpoint `echo`: its path decides the answer. `nowhere` has no listener. */
export function echo(request: EndpointRequest): EndpointResponse | Promise<EndpointResponse> {
  const { path } = request;
  endpointRequests.push(request);
  if (path === '/silent') return new Promise(() => {});
  if (path === '/text') return { status: 200, body: 'größer' };
  const [, status = '200'] = /^\/status\/(\d+)$/.exec(path) ?? [];
  return { status: Number(status), body: { asked: request.body ?? null } };
}
/** The requests to the endpoint, in order. */
export const endpointRequests: EndpointRequest[] = [];

/** What the responder runs before it answers, by the id of the order. */
export const answering = new Map<string, (meta: EventMeta) => Promise<void>>();

let unavailableOnce = new Set<string>();

export function forget(): void {
  script.clear();
  answering.clear();
  seen.length = 0;
  endpointRequests.length = 0;
  unavailableOnce = new Set();
}

/** The responder: the id of the order decides the answer. */
export const answerer = new Service('inventory', {
  serves: InventoryService,
  publishes: [OrderCancelled],
});
answerer.serve({
  reserve: async ({ orderId }, { callContext, caller, publish, clock }) => {
    seen.push({
      what: 'reserve',
      id: orderId,
      causeId: callContext.id,
      caller,
      detail: { ...callContext, left: callContext.deadline - clock.now() },
    });
    if (orderId.startsWith('refused')) throw refused('closed', 'the shop is closed', { orderId });
    if (orderId.startsWith('missing')) throw notFound('shop');
    if (orderId.startsWith('invalid')) throw invalid('items.0.quantity', 'must be at least 1');
    if (orderId.startsWith('bug')) throw new TypeError('a secret of the inside');
    if (orderId.startsWith('lost')) throw new MicroserviceError('lost', Code.DEADLINE_EXCEEDED);
    if (orderId.startsWith('flaky') && !unavailableOnce.has(orderId)) {
      unavailableOnce.add(orderId);
      throw unavailable('not just now');
    }
    await publish(OrderCancelled, { orderId, shopId: 's', userId: 'u', reason: 'test' });
    return { outcome: ReserveOutcome.RESERVED, reason: 'größer 🎉' };
  },
  getStock: async () => ({}),
  adjustStock: async () => ({}),
  setStock: async () => ({}),
  release: async () => ({}),
  commit: async () => ({}),
  takeBack: async () => ({}),
});
answerer.onRequest(AskStock, async ({ orderId }, { callContext, caller }, meta) => {
  seen.push({ what: 'asked', id: orderId, causeId: callContext.id, caller, detail: meta });
  if (orderId.startsWith('refused')) throw refused('closed', 'the shop is closed', { orderId });
  await answering.get(orderId)?.(meta);
  return { available: 3, text: 'größer 🎉' };
});
answerer.on(StockCountedOld, async (data, { callContext, caller }) => {
  seen.push({
    what: 'counted by old',
    id: callContext.correlationId,
    causeId: callContext.id,
    caller,
    detail: data,
  });
});
