import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Message } from '@bufbuild/protobuf';
import { DeviceMessageSigner } from '#contracts/device-message-signer';
import { StockUpdated } from '#contracts/inventory';
import { PaymentFailed } from '#contracts/payment';
import { type Caller, asService } from '#kit/core/caller';
import { newCallContext } from '#kit/core/call-context';
import type { Contract } from '#kit/messages/contract';
import { type ProcessStatus, operationsHandlers } from '#kit/operations/operations-service';
import { localReadStore } from '#kit/adapters/read-store/local';
import type { ReadStore } from '#kit/read-store/read-store';
import type { Memory } from '#kit/testing/memory';
import { testbed } from '#kit/testing/testbed';
import type { CallRequest, StreamRequest } from '#kit/transport/sidecar';
import { OperationsService } from '#proto/retail/operations/v1/operations_pb';
import { delivery } from '../../services/delivery/service';
import { routes } from '../../services/gateway/routes/table';
import { type Calls, type Edge, openEdge } from '../../services/gateway/testing/edge';
import { inventory } from '../../services/inventory/service';
import { iotGateway } from '../../services/iot-gateway/service';
import { deliver } from '../../services/iot-gateway/testing/fixtures';
import { notification } from '../../services/notification/service';
import { order } from '../../services/order/service';
import { PROVIDER } from '../../services/payment/provider';
import { payment } from '../../services/payment/service';
import { SimulatedProvider } from '../../services/payment/simulator/provider';
import { product } from '../../services/product/service';
import { search } from '../../services/search/service';
import { Synonyms } from '../../services/search/synonyms';
import { shop } from '../../services/shop/service';
import { hashPassword } from '../../services/user/password';
import { user } from '../../services/user/service';
import { newSession } from '../../services/user/session-domain';
import { vending } from '../../services/vending/service';
import { pendingVend } from '../../services/vending/testing/fixtures';

const TENANT = 'default';
export const OTHER_TENANT = 'other';
const caller = (userId: string, role: Caller['role'], tenantId = TENANT): Caller => ({
  userId,
  role,
  tenantId,
});

/** The sellers Sally and Bob have a shop each; Carl and Dora are customers. */
export const sally = caller('sally', 'seller');
export const bob = caller('bob', 'seller');
export const carl = caller('carl', 'customer');
export const dora = caller('dora', 'customer');
export const ada = caller('ada', 'admin');

const PRICE = { amount: '19.99', currency: 'EUR' };
export const SLOT = 'A3';
const AT = '2026-01-01T00:00:00.000Z';

/** The types of the commands that services publish to themselves. */
const COMMANDS: ReadonlySet<string> = new Set(
  [delivery, notification, order, payment, product, shop, user]
    .flatMap(({ definition: { publishes } }): readonly Contract[] => publishes)
    .filter(({ kind }) => kind === 'command')
    .map(({ type }) => type),
);

const STATUS: ProcessStatus = {
  service: 'test',
  version: '1',
  instance: 'test',
  startedAt: new Date(AT),
  checks: () => Promise.resolve([]),
};

/** Every service in this process, as it is, each over a sidecar in memory. */
function openServices({ clock }: Edge, readStore: ReadStore) {
  const provider = new SimulatedProvider(new Map(), clock);
  const beds = {
    user: testbed(user, {
      clock,
      config: { PASSWORD_COST: 4, USER_KEY_FILE: 'k'.repeat(43), PHONE_REGION: 'DE' },
    }),
    product: testbed(product, { clock }),
    inventory: testbed(inventory, {
      clock,
      config: { DRIFT_POLICY: 'agreement', DRIFT_TOLERANCE: 2 },
    }),
    order: testbed(order, { clock }),
    payment: testbed(payment, {
      clock,
      endpoints: { [PROVIDER]: (request) => provider.answer(request) },
    }),
    delivery: testbed(delivery, {
      clock,
      config: {
        DELIVERY_HOME: 'DE',
        DELIVERY_COUNTRIES: ['DE'],
        DELIVERY_PRICES: new Map([['EUR', { home: PRICE, abroad: PRICE }]]),
      },
    }),
    notification: testbed(notification, {
      clock,
      config: { OPERATIONS_EMAIL: 'operations@example.com' },
    }),
    shop: testbed(shop, { clock, config: { DEVICE_KEY_FILE: 'k'.repeat(43) } }),
    search: testbed(search, { clock, readStore, config: { SYNONYMS_FILE: new Synonyms([]) } }),
    vending: testbed(vending, { clock, config: { DISPENSE_SECONDS: 30 } }),
    'iot-gateway': testbed(iotGateway, { clock, config: { DEVICE_MESSAGES_PER_SECOND: 20 } }),
  };
  for (const bed of Object.values(beds)) bed.sidecar.peers = beds;
  return beds;
}
type Beds = ReturnType<typeof openServices>;
export type AppName = keyof Beds;

let index: ReadStore | undefined;

/** The database of the search, one for all platforms: a file is created once, and not for every test. */
function indexes(): ReadStore {
  if (index !== undefined) return index;
  const folder = mkdtempSync(join(tmpdir(), 'platform-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true });
  });
  index = localReadStore(folder, 'search');
  return index;
}

/** The real edge before the real services, with a shop of Sally, and purchases of Carl. */
export class Platform {
  private constructor(
    readonly edge: Edge,
    private readonly beds: Beds,
    /** The ids of Sally's and Carl's things, by the name of the parameter of a route. */
    readonly ids: Readonly<Record<string, string>>,
  ) {}

  static async open(): Promise<Platform> {
    const opened: { beds?: Beds } = {};
    const edge = await openEdge(callsTo((app) => opened.beds?.[app]));
    const beds = openServices(edge, indexes());
    opened.beds = beds;
    return new Platform(edge, beds, await fill(beds, edge.clock.now()));
  }

  /** Calls a method of a service without the edge. Throws its refusal. */
  async call(app: AppName, method: CallRequest['method'], request: Message, caller: Caller) {
    const callContext = newCallContext(this.edge.clock, { caller });
    await respond(this.beds[app], { appId: app, method, request, callContext });
  }

  /** An API key with a role and one scope. */
  async apiKey(role: 'seller' | 'admin', scope: string): Promise<string> {
    const request = { name: 'ERP', role, scopes: [scope] };
    return (await this.beds.user.call('createApiKey', request, { caller: ada })).key;
  }

  /** The tenant's documents of all services, each as its key and content. */
  documents(): string[] {
    return this.#memories.flatMap(({ documents }) =>
      [...documents]
        .filter(([key]) => !key.includes(`:${OTHER_TENANT}:`))
        .map(([key, { json }]) => `${key} ${json}`)
        .sort(),
    );
  }

  /** Everything that a request can change: documents, events, messages and jobs. */
  state(): string {
    const effects = this.#memories.map(({ events, sent, jobs }) => [
      events,
      sent,
      [...jobs.keys()],
    ]);
    return JSON.stringify([this.documents(), effects]);
  }

  /** The events that the services have published, without their own commands, by type and subject. */
  events(): string[] {
    return this.#memories.flatMap(({ events }) =>
      events
        .filter(({ type }) => !COMMANDS.has(type))
        .map(({ type, subject }) => `${type} ${subject}`),
    );
  }

  get #memories(): Memory[] {
    return Object.values(this.beds).map(({ memory }) => memory);
  }

  async settle(): Promise<void> {
    for (const bed of Object.values(this.beds)) await bed.settle();
  }

  close(): Promise<void> {
    return this.edge.close();
  }
}

/** Responds as the service does, on behalf of the caller in the call. */
async function respond(bed: Beds[AppName] | undefined, call: CallRequest): Promise<object> {
  const { method, request, callContext } = call;
  const runtime = runtimeOf(bed);
  if (method.parent === OperationsService) {
    const handlers = operationsHandlers(runtime, STATUS);
    const handle = handlers[method.localName as keyof typeof handlers];
    // the request is one of this very method
    return handle(request as never, callContext);
  }
  return (await runtime.handleCall(method, request, callContext)).response;
}

function runtimeOf(bed: Beds[AppName] | undefined) {
  if (bed === undefined) throw new Error('the services are not open');
  return bed.runtime;
}

/** Calls of the edge that reach the services. */
function callsTo(bedOf: (app: AppName) => Beds[AppName] | undefined): Calls {
  const calls: Record<string, Record<string, unknown>> = {
    // the edge's own calls, besides those of its routes
    user: { authenticateApiKey: (_: Message, call: CallRequest) => respond(bedOf('user'), call) },
  };
  for (const route of routes) {
    if ('handle' in route) continue;
    const app = route.app === ':service' ? 'product' : route.app;
    const ofApp = (calls[app] ??= {});
    if ('rpc' in route) {
      ofApp[route.rpc.localName] = (_: Message, call: CallRequest) => respond(bedOf(app), call);
    } else {
      ofApp[route.streams.localName] = (request: Message, call: StreamRequest) =>
        runtimeOf(bedOf(app)).handleStream(call.method, request, call.callContext, call.signal);
    }
  }
  // the type of the fakes is derived from the same descriptors as the table
  return calls;
}

/** A purchase of Carl without a delivery. */
async function purchase(beds: Beds, shopId: string, productId: string, channel: string) {
  const items = [{ productId, quantity: 5 }];
  const payment = { method: 'card', token: 'tok_ok' };
  const order = { shopId, items, payment, channel };
  return (await beds.order.call('placeOrder', order, { caller: carl })).orderId;
}

async function requestReturn(beds: Beds, orderId: string, productId: string) {
  const request = { orderId, items: [{ productId, quantity: 1 }], reason: 'damaged' };
  return (await beds.order.call('requestReturn', request, { caller: carl })).returnId;
}

/** Stores what a seller and a customer have; returns the ids. */
async function fill(beds: Beds, now: number): Promise<Record<string, string>> {
  const passwordHash = await hashPassword('correct horse', 4);
  for (const { userId, role } of [sally, bob, carl, dora, ada]) {
    if (role !== 'customer' && role !== 'seller' && role !== 'admin') continue;
    await beds.user.context(asService()).users.update(userId, () => ({
      userId,
      role,
      email: `${userId}@example.com`,
      name: userId,
      passwordHash,
      createdAt: AT,
      updatedAt: AT,
    }));
  }
  const sessionId = 'session_of_carl';
  await beds.user
    .context(asService())
    .sessions.update(carl.userId, () => ({ sessions: [newSession(sessionId, 'secret', now)] }));
  const channels = ['online', 'pickup', 'store', 'vending'];
  const newShop = { name: 'Shop', channels, timeZone: 'Europe/Berlin' };
  const { shopId } = await beds.shop.call('createShop', newShop, { caller: sally });
  await beds.shop.call('createShop', newShop, { caller: bob });
  const pen = { name: 'Pen', description: 'Blue.', category: 'office', price: PRICE };
  const { productId } = await beds.product.call('createProduct', pen, { caller: sally });
  await beds.shop.call('setOffer', { shopId, productId }, { caller: sally });
  const opening = { shopId, productId, change: 50, reason: 'opening' };
  await beds.inventory.call('adjustStock', opening, { caller: sally });

  const device = { shopId, kind: 'vending_machine', name: 'Hall' };
  const registered = await beds.shop.call('registerDevice', device, { caller: sally });
  const deviceId = registered.device?.deviceId ?? '';
  const machineId = deviceId;
  const { credential } = registered;
  const signer = new DeviceMessageSigner(
    { tenantId: TENANT, deviceId, credential },
    'boot',
    () => now,
  );
  await deliver(beds['iot-gateway'], signer.sign('status', { status: 'online', faults: [] }));
  await beds['iot-gateway'].runIntervalTask('presence');
  const slots = [{ slot: SLOT, productId, capacity: 8 }];
  await beds.vending.call('setPlanogram', { machineId, slots }, { caller: sally });
  await beds.vending.call('restock', { machineId, slot: SLOT, quantity: 5 }, { caller: sally });
  const { commandId } = await beds['iot-gateway'].call(
    'sendCommand',
    { deviceId, name: 'reboot', expiresAt: timestampFromMs(now + 600_000) },
    { caller: sally },
  );

  const { orderId, paymentId = '' } = await beds.order.call(
    'placeOrder',
    {
      shopId,
      items: [{ productId, quantity: 1 }],
      payment: { method: 'card', token: 'tok_ok' },
      deliveryAddress: {
        name: 'Carl',
        line1: 'Street 1',
        postalCode: '10115',
        city: 'Berlin',
        country: 'DE',
      },
    },
    { caller: carl },
  );
  const pickup = await purchase(beds, shopId, productId, 'pickup');
  // a purchase at the counter is handed over when it is paid
  const counter = await purchase(beds, shopId, productId, 'store');
  const requested = await requestReturn(beds, counter, productId);
  const received = await requestReturn(beds, counter, productId);
  const arrived = { orderId: counter, returnId: received };
  await beds.order.call('receiveReturn', arrived, { caller: sally });
  const vendId = 'vend_of_carl';
  const vend = { ...pendingVend('tok_ok', vendId), machineId, shopId, productId };
  await beds.vending
    .context(asService())
    .vends.update(vendId, () => ({ ...vend, userId: carl.userId }));
  await beds.vending.context(asService()).lists.byUser.add(carl.userId, vendId);

  const failed = { paymentId, orderId, userId: carl.userId, reason: 'card_expired' };
  await beds.notification.handleEvent(PaymentFailed, failed);
  const notifications = await beds.notification.call('listNotifications', {}, { caller: carl });
  const key = { name: 'ERP', role: 'seller', scopes: ['orders:read'] };
  const { keyId } = await beds.user.call('createApiKey', key, { caller: ada });
  // the event of an unknown product becomes a dead letter
  const id = 'event_1';
  const unknown = { shopId, productId: 'unknown', newStock: 1, previousStock: 0, change: 1 };
  for (let attempt = 0; attempt < 20; attempt++) {
    const event = { ...unknown, reason: 'sold' };
    if ((await beds.product.handleEvent(StockUpdated, event, { id })) === 'SUCCESS') break;
  }
  for (const bed of Object.values(beds)) await bed.settle();
  await beds.search.runIntervalTask('rebuild');
  return {
    shopId,
    productId,
    deviceId,
    machineId,
    commandId,
    orderId,
    pickupOrderId: pickup,
    counterOrderId: counter,
    returnId: requested,
    receivedReturnId: received,
    paymentId,
    vendId,
    keyId,
    sessionId,
    notificationId: notifications.items[0]?.notificationId ?? '',
    userId: carl.userId,
    service: 'product',
    id,
  };
}
