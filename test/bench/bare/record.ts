import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toJson } from '@bufbuild/protobuf';
import { type Caller, asService } from '#kit/core/caller';
import { isoTime, systemClock } from '#kit/core/clock';
import type { Context } from '#kit/service/context';
import { newCallContext } from '#kit/core/call-context';
import type { Definition } from '#kit/service/definition';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import { OrderSchema, OrderService } from '#proto/retail/order/v1/order_pb';
import { ProductService } from '#proto/retail/product/v1/product_pb';
import { ShopService } from '#proto/retail/shop/v1/shop_pb';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { delivery } from '../../../services/delivery/service';
import { gateway } from '../../../services/gateway/definition';
import { inventory } from '../../../services/inventory/service';
import { notification } from '../../../services/notification/service';
import { order } from '../../../services/order/service';
import { payment } from '../../../services/payment/service';
import { PROVIDER } from '../../../services/payment/provider';
import { SimulatedProvider } from '../../../services/payment/simulator/provider';
import { product } from '../../../services/product/service';
import { shop } from '../../../services/shop/service';
import { user } from '../../../services/user/service';
import { ADDRESS, PRICE, SHOP, SHOP_FIELDS } from '../../e2e/fixtures';
import { Recorder, Take } from './recorder';
import type { Recording, Scope, Script, Steps } from './recording';
import { Tape, onTape } from './tape';

const SERVICES = [user, product, shop, order, payment, notification, inventory, delivery, gateway];

/**
 * Documents grow with earlier orders, so their sizes are recorded after this number of orders. The
 * variants of a run have about 40 orders for each product and customer, and are restarted then.
 */
const AGES = [1, 4, 8, 16, 32, 64, 96];

interface Buyer {
  readonly caller: Caller;
  readonly productId: string;
}

/** Runs orders through the real services, in memory, and records what each one does. */
export async function record(): Promise<Script> {
  const provider = new SimulatedProvider(new Map());
  const folder = mkdtempSync(join(tmpdir(), 'omnichannel-record-'));
  const endpoints = { [PROVIDER]: provider.answer.bind(provider) };
  const recorder = new Recorder(SERVICES, endpoints, {
    USER_KEY_FILE: join(folder, 'user-key'),
    DEVICE_KEY_FILE: join(folder, 'device-key'),
  });
  try {
    await onTape(new Tape(), () =>
      edge(recorder, ADMIN).client('shop', ShopService).createShop(SHOP_FIELDS),
    );
    const buyer = await prepare(recorder, 'one');
    const another = await prepare(recorder, 'two');
    // a document that orders of two customers with two products touch is shared by all
    const shared = await buy(recorder, another);
    const seen = (await buy(recorder, buyer)).take.keys;
    const recordings: Recording[] = [];
    for (let age = 1; age <= Math.max(...AGES); age++) {
      const { take, edge } = await buy(recorder, buyer);
      if (AGES.includes(age)) recordings.push(withScopes({ age, edge, take }, shared.take, seen));
      merge(seen, take.keys);
    }
    const subscriptions: Record<string, readonly string[]> = {};
    for (const service of SERVICES)
      subscriptions[service.name] = service.subscribesTo.map(({ type }) => type);
    // earlier orders do the same operations on smaller documents: the first recording stands for them
    return { subscriptions, recordings: fromTheStart(recordings) };
  } finally {
    rmSync(folder, { recursive: true });
    await recorder.close();
  }
}

const ADMIN: Caller = { ...asService(), userId: 'admin', role: 'admin' };

async function prepare(recorder: Recorder, name: string): Promise<Buyer> {
  const ask = (caller: Caller) => edge(recorder, caller);
  const buyer = await onTape(new Tape(), async () => {
    const price = PRICE;
    const fields = { name: 'Pen', description: 'Blue.', category: 'office', price };
    const { productId } = await ask(ADMIN).client('product', ProductService).createProduct(fields);
    const opening = { shopId: SHOP, productId, change: 1_000_000, reason: 'opening' };
    await ask(ADMIN).client('inventory', InventoryService).adjustStock(opening);
    const account = {
      email: `${name}@example.com`,
      password: 'a-password-of-a-test',
      name: 'Ada Example',
    };
    const { userId } = await ask(asService()).client('user', UserService).register(account);
    return { caller: { ...asService(), userId, role: 'customer' } as const, productId };
  });
  await recorder.settled();
  return buyer;
}

/** An order as the benchmark places it. */
async function buy(recorder: Recorder, { caller, productId }: Buyer) {
  const take = new Take();
  recorder.take = take;
  const tape = new Tape();
  const placed = await onTape(tape, () =>
    edge(recorder, caller)
      .client('order', OrderService)
      .placeOrder({
        shopId: SHOP,
        items: [{ productId, quantity: 1 }],
        payment: { method: 'card', token: 'tok_ok' },
        deliveryAddress: ADDRESS,
      }),
  );
  await recorder.settled();
  if (placed.status !== 'confirmed') throw new Error(`the recorded order is ${placed.status}`);
  const answer = JSON.stringify({
    success: true,
    data: toJson(OrderSchema, placed, { alwaysEmitImplicit: true }),
    requestId: REQUEST_ID,
    timestamp: isoTime(systemClock),
  });
  return { take, edge: { steps: tape.steps, answer } };
}

const REQUEST_ID = 'req_00000000-0000-0000-0000-000000000000';

function edge(recorder: Recorder, caller: Caller): Context<Definition> {
  const ids = { requestId: REQUEST_ID, correlationId: REQUEST_ID };
  return recorder.host('gateway').openContext(newCallContext(systemClock, { ...ids, caller }));
}

type Keys = ReadonlyMap<string, ReadonlySet<string>>;

/** Decides which entity each document belongs to, by the orders that touch it. */
function withScopes(
  { age, edge, take }: { age: number; edge: Recording['edge']; take: Take },
  others: Take,
  before: Keys,
): Recording {
  const scopeIn = (app: string, key: string): Scope => {
    if (others.keys.get(app)?.has(key) === true) return 'all';
    return before.get(app)?.has(key) === true ? 'slot' : 'order';
  };
  const scoped = (app: string, steps: Steps): Steps =>
    steps.map((step) =>
      step.map((one) => {
        if (one.do === 'loadMany') {
          const loads = one.loads.map((load) => ({ ...load, scope: scopeIn(app, load.key) }));
          return { ...one, loads };
        }
        return 'scope' in one ? { ...one, scope: scopeIn(app, one.key) } : one;
      }),
    );
  const waitedFor = [edge.steps, ...take.calls.map(({ steps }) => steps)]
    .concat(take.events.flatMap(({ heard }) => Object.values(heard)))
    .flat(2)
    .flatMap((one) => (one.do === 'wait' ? one.event : []));
  return {
    age,
    edge,
    requests: take.requests,
    calls: take.calls.map((call) => ({ ...call, steps: scoped(call.app, call.steps) })),
    events: take.events.map((event, index) => ({
      ...event,
      awaited: waitedFor.includes(index),
      heard: Object.fromEntries(
        Object.entries(event.heard).map(([app, steps]) => [app, scoped(app, steps)]),
      ),
    })),
  };
}

function merge(all: Map<string, Set<string>>, more: Keys): void {
  for (const [app, keys] of more) {
    all.set(app, new Set([...(all.get(app) ?? []), ...keys]));
  }
}

function fromTheStart([first, ...later]: readonly Recording[]): Recording[] {
  return first === undefined ? [] : [{ ...first, age: 0 }, ...later];
}
