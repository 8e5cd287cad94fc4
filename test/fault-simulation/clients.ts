import {
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
  create,
} from '@bufbuild/protobuf';
import { type Caller, DEFAULT_TENANT } from '#kit/core/caller';
import { Code, type MicroserviceError, isTransient } from '#kit/core/errors';
import { deterministicId } from '#kit/core/deterministic-id';
import { newCallContext } from '#kit/core/call-context';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { ShopService } from '#proto/retail/shop/v1/shop_pb';
import { DeliveryService } from '#proto/retail/delivery/v1/delivery_pb';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import { type Order, OrderService } from '#proto/retail/order/v1/order_pb';
import { PaymentService } from '#proto/retail/payment/v1/payment_pb';
import type { Answer, ClientRequest, OrderStatus } from '../invariants/books';
import type { App } from './faults';
import { START } from './loop';
import type { Network } from './network';
import type { Action, OrderForm } from './scenario';
import type { Simulation } from './simulation';

export const SHOP = 'shop_1';
const ADMIN: Caller = { userId: 'eve', role: 'admin', tenantId: DEFAULT_TENANT };
/** A client that got no answer sends its request again after this time. */
const RETRY_MS = 2_000;
/** Attempts of the last requests, which must be answered; a stopped process continues within a minute. */
const PROBE_TRIES = 20;
const STEPS = ['picked_up', 'in_transit', 'delivered'] as const;

type Kind = Exclude<ClientRequest['kind'], 'replay'>;

/** The errors that a client must be prepared for, beside transient ones. */
const EXPECTED: Readonly<Record<Kind, readonly Code[]>> = {
  place: [Code.INVALID_ARGUMENT],
  cancel: [Code.NOT_FOUND, Code.FAILED_PRECONDITION],
  refund: [Code.NOT_FOUND, Code.FAILED_PRECONDITION],
  adjust: [Code.FAILED_PRECONDITION],
  deliver: [Code.NOT_FOUND, Code.FAILED_PRECONDITION],
  pickup: [Code.NOT_FOUND, Code.FAILED_PRECONDITION],
  return: [Code.NOT_FOUND, Code.FAILED_PRECONDITION],
  offer: [],
  quote: [Code.INVALID_ARGUMENT],
};

/** An address in each place. */
const ADDRESSES: Readonly<Record<OrderForm['place'], { postalCode: string; country: string }>> = {
  DE: { postalCode: 'D-10115', country: 'DE' },
  nowhere: { postalCode: '00000', country: 'DE' },
  US: { postalCode: '94103', country: 'US' },
  FR: { postalCode: '75001', country: 'FR' },
};

const addressIn = (place: OrderForm['place']) => ({
  ...{ name: 'Ann', line1: 'Street 1', city: 'Town' },
  ...ADDRESSES[place],
});

function buyer(order: number): Caller {
  return { userId: order % 2 === 0 ? 'ann' : 'bob', role: 'customer', tenantId: DEFAULT_TENANT };
}

function keyOf(order: number): string {
  return deterministicId(DEFAULT_TENANT, buyer(order).userId, 'post', '/orders', `key-${order}`);
}

/** The id that the service derives from the request's key. */
function orderIdOf(order: number): string {
  return `order_${deterministicId(keyOf(order), 'order', 'order', 0)}`;
}

/** The buyers and admins at the edge of the system. */
export class Clients {
  /** Each attempt that was answered, in the order of the answers. */
  readonly requests: ClientRequest[] = [];
  readonly #random;
  /** What was ordered first under each key. */
  readonly #forms = new Map<number, OrderForm>();
  /** The quote for each order, or that there is none. */
  readonly #quotes = new Map<number, string | undefined>();

  constructor(
    private readonly simulation: Simulation,
    private readonly network: Network,
  ) {
    this.#random = simulation.random('clients');
  }

  plan(actions: readonly Action[]): void {
    const { loop } = this.simulation;
    for (const [index, action] of actions.entries()) {
      loop.after(START + action.at - loop.now, () => {
        void this.#perform(action, `${action.do}-${index}`);
      });
    }
  }

  /** Places each order once more, and another one under its key. */
  probe(): void {
    for (const [order, form] of this.#forms) {
      void this.#settle(order, form).then(() => this.#settle(order, withMorePieces(form)));
    }
  }

  /** Retries until the answer is final, as a fault that is left over may hit the request. */
  async #settle(order: number, form: OrderForm): Promise<void> {
    await this.#place(order, form, false, PROBE_TRIES);
    const last = this.requests.findLast(({ orderId }) => orderId === orderIdOf(order));
    if (last?.answer?.outcome === 'unavailable') {
      this.simulation.unexpected.push(
        `${last.orderId} is not answered any more: ${last.answer.text}`,
      );
    }
  }

  async #perform(action: Action, key: string): Promise<void> {
    switch (action.do) {
      case 'place':
        this.#forms.set(action.order, this.#forms.get(action.order) ?? action.form);
        await this.#place(action.order, action.form, action.respondAsync, action.tries);
        break;
      case 'repeat': {
        const form = this.#forms.get(action.order);
        if (form === undefined) return;
        await this.#place(action.order, action.changed ? withMorePieces(form) : form, false, 1);
        break;
      }
      case 'cancel': {
        const orderId = orderIdOf(action.order);
        const caller = buyer(action.order);
        const method = OrderService.method.cancelOrder;
        const attempt = { kind: 'cancel', orderId, appId: 'order', key, caller } as const;
        const request = { orderId, reason: 'changed_my_mind' };
        await this.#send({ ...attempt, tries: action.tries }, method, request);
        break;
      }
      case 'refund': {
        const orderId = orderIdOf(action.order);
        const amount =
          action.amount === null ? {} : { amount: { amount: action.amount, currency: 'EUR' } };
        const attempt = { kind: 'refund', orderId, appId: 'payment', key, caller: ADMIN } as const;
        const target = { case: 'paymentId', value: `pay_${orderId}` } as const;
        const method = PaymentService.method.refund;
        await this.#send({ ...attempt, tries: action.tries }, method, { target, ...amount });
        break;
      }
      case 'adjust': {
        const { productId, change, tries } = action;
        const attempt = { kind: 'adjust', appId: 'inventory', key, caller: ADMIN, tries } as const;
        // with the key as its reason, each adjustment has different events
        const request = { shopId: SHOP, productId, change, reason: key };
        await this.#send(attempt, InventoryService.method.adjustStock, request);
        break;
      }
      case 'deliver':
        for (const status of STEPS.slice(0, action.steps)) {
          const orderId = orderIdOf(action.order);
          const step = { appId: 'delivery', key: `${key}-${status}`, caller: ADMIN, tries: 2 };
          const attempt = { kind: 'deliver', orderId, ...step } as const;
          const method = DeliveryService.method.updateStatus;
          if ((await this.#send(attempt, method, { orderId, status })) === undefined) return;
        }
        break;
      case 'pickup':
        for (const status of ['ready', 'collected'].slice(0, action.steps)) {
          const orderId = orderIdOf(action.order);
          const step = { appId: 'order', key: `${key}-${status}`, caller: ADMIN };
          const attempt = { kind: 'pickup', orderId, ...step, tries: action.tries } as const;
          const method = OrderService.method.updatePickup;
          if ((await this.#send(attempt, method, { orderId, status })) === undefined) return;
        }
        break;
      case 'return':
        await this.#return(action, key);
        break;
      case 'offer': {
        const { productId, price, tries } = action;
        const attempt = { kind: 'offer', appId: 'shop', key, caller: ADMIN, tries } as const;
        const { setOffer, removeOffer } = ShopService.method;
        const offer = { shopId: SHOP, productId };
        if (price === 'withdrawn') await this.#send(attempt, removeOffer, offer);
        else {
          const own = price === null ? {} : { price: { amount: price, currency: 'EUR' } };
          await this.#send(attempt, setOffer, { ...offer, ...own });
        }
        break;
      }
      case 'replay':
        this.replay(action.app);
        break;
    }
  }

  /** Replays all dead letters of an app, in one of its processes. */
  replay(app: App): void {
    const process = this.#random.pick(this.network.processes.get(app) ?? []);
    const nothing = () => {};
    if (process.isUp)
      process.serve((runtime) => replayAll(runtime, this.simulation), nothing, nothing);
  }

  async #place(
    order: number,
    form: OrderForm,
    respondAsync: boolean,
    tries: number,
  ): Promise<void> {
    const { items, token, channel, place, quoted } = form;
    if (quoted && channel === 'online' && !this.#quotes.has(order)) {
      await this.#requestQuote(order, place);
    }
    const quoteId = channel === 'online' ? this.#quotes.get(order) : undefined;
    const request = {
      ...{ shopId: SHOP, items, channel },
      payment: { method: 'card', token },
      ...(channel === 'online' ? { deliveryAddress: addressIn(place) } : {}),
      ...(quoteId === undefined ? {} : { quoteId }),
    };
    const attempt = {
      kind: 'place',
      orderId: orderIdOf(order),
      body: JSON.stringify(request),
      appId: 'order',
      key: keyOf(order),
      caller: buyer(order),
      respondAsync,
      tries,
    } as const;
    await this.#send(attempt, OrderService.method.placeOrder, request);
  }

  /** A quote is requested once for an order: another one would make a repetition another request. */
  async #requestQuote(order: number, place: OrderForm['place']): Promise<void> {
    this.#quotes.set(order, undefined);
    const attempt = { kind: 'quote', appId: 'delivery', key: `quote-${order}`, tries: 1 } as const;
    const quote = await this.#send(
      { ...attempt, caller: buyer(order) },
      DeliveryService.method.createQuote,
      { shopId: SHOP, address: addressIn(place), currency: 'EUR' },
    );
    this.#quotes.set(order, quote?.quoteId);
  }

  async #return(action: Extract<Action, { do: 'return' }>, key: string): Promise<void> {
    const { order, all, steps, accepted, restocked, tries } = action;
    const orderId = orderIdOf(order);
    const attempt = { kind: 'return', orderId, appId: 'order', tries } as const;
    const pieces = this.#forms.get(order)?.items.map((item) => ({ ...item, quantity: 1 })) ?? [];
    const requested = await this.#send(
      { ...attempt, key, caller: buyer(order) },
      OrderService.method.requestReturn,
      { orderId, items: all ? [] : pieces, reason: 'damaged' },
    );
    if (requested === undefined || steps < 2) return;
    const { returnId } = requested;
    const received = await this.#send(
      { ...attempt, key: `${key}-received`, caller: ADMIN },
      OrderService.method.receiveReturn,
      { orderId, returnId },
    );
    if (received === undefined || steps < 3) return;
    const items = received.items.map(({ productId, quantity }) => {
      const kept = Math.min(accepted, quantity);
      return { productId, accepted: kept, restocked: Math.min(restocked, kept) };
    });
    await this.#send(
      { ...attempt, key: `${key}-decided`, caller: ADMIN },
      OrderService.method.decideReturn,
      { orderId, returnId, items },
    );
  }

  /** Sends a request, and again while it has no answer. Undefined where it never got a successful one. */
  async #send<M extends DescMethodUnary>(
    attempt: Attempt,
    method: M,
    request: MessageInitShape<M['input']>,
  ): Promise<MessageShape<M['output']> | undefined> {
    const { loop } = this.simulation;
    const { appId, kind, key, caller, respondAsync = false } = attempt;
    for (let left = attempt.tries; left > 0; left--) {
      const callContext = newCallContext(
        { now: () => loop.now, sleep: never },
        { id: key, caller, respondAsync },
      );
      // the types cannot see that this is a message of this method's schema
      const message = create(method.input, request) as MessageShape<M['input']>;
      const call = { appId, method, request: message, callContext };
      const sentAt = loop.now;
      const answered = Promise.withResolvers<{ response?: MessageShape<M['output']> }>();
      this.network.call('client', this.#random, call, {
        resolve: ({ response }) => {
          // the methods of these two return an order
          const order = kind === 'place' || kind === 'cancel' ? (response as unknown) : undefined;
          this.#record(attempt, sentAt, accepted(order as Order | undefined));
          answered.resolve({ response });
        },
        reject: (error) => {
          this.#record(attempt, sentAt, failed(kind, error));
          if (isTransient(error))
            loop.after(RETRY_MS, () => {
              answered.resolve({});
            });
          else {
            left = 0;
            answered.resolve({});
          }
        },
      });
      const { response } = await answered.promise;
      if (response !== undefined) return response;
    }
    return undefined;
  }

  #record(attempt: Attempt, sentAt: number, answer: Answer): void {
    const { kind, orderId, key, caller, body = '' } = attempt;
    this.requests.push({
      name: `request ${this.requests.length}`,
      kind,
      client: caller.userId,
      key,
      body,
      ...(orderId === undefined ? {} : { orderId }),
      sentAt,
      endedAt: this.simulation.loop.now,
      answer,
    });
  }
}

interface Attempt {
  readonly kind: Kind;
  readonly orderId?: string;
  readonly body?: string;
  readonly appId: string;
  readonly key: string;
  readonly caller: Caller;
  readonly respondAsync?: boolean;
  readonly tries: number;
}

function accepted(order: Order | undefined): Answer {
  if (order === undefined) return { outcome: 'accepted', text: 'OK' };
  const { orderId, reason } = order;
  // the service has no other ones
  const status = order.status as OrderStatus;
  const text = `OK ${status}`;
  return { outcome: 'accepted', text, orderId, status, ...(reason ? { reason } : {}) };
}

function failed(kind: Kind, error: MicroserviceError): Answer {
  const { code, message, details } = error;
  const text = `${Code[code]}: ${message}`;
  if (isTransient(error)) return { outcome: 'unavailable', text };
  if (!EXPECTED[kind].includes(code)) return { outcome: 'unexpected', text };
  const refusesKey = details.fields?.some(({ field }) => field === 'Idempotency-Key') === true;
  // a refusal by the shop or the carrier has a reason
  const isMalformed = code === Code.INVALID_ARGUMENT && !refusesKey && details.reason === undefined;
  return { outcome: 'refused', text, refusesKey, isMalformed };
}

async function replayAll(runtime: ServiceRuntime, simulation: Simulation): Promise<void> {
  try {
    const { letters } = await runtime.deadLetters.page(1, 100);
    for (const { id, type, reason } of letters) {
      simulation.count('dead letters replayed');
      if (simulation.trace)
        simulation.note(runtime.service.name, `replays ${type} ${id} (${reason})`);
      await runtime.replay(id);
    }
  } catch (error) {
    // another replay was faster, or a fault hit this one: an operator tries again later
    if (!isTransient(error) && !isGone(error)) throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === Code.NOT_FOUND;
}

function withMorePieces(form: OrderForm): OrderForm {
  return {
    ...form,
    items: form.items.map((item) => ({ ...item, quantity: item.quantity + 1 })),
  };
}

function never(): Promise<void> {
  throw new Error('clients do not sleep');
}
