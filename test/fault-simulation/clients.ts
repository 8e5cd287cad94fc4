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
};

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
    const { items, token, postalCode, country } = form;
    const attempt = {
      kind: 'place',
      orderId: orderIdOf(order),
      body: JSON.stringify(form),
      appId: 'order',
      key: keyOf(order),
      caller: buyer(order),
      respondAsync,
      tries,
    } as const;
    await this.#send(attempt, OrderService.method.placeOrder, {
      shopId: SHOP,
      items,
      payment: { method: 'card', token },
      deliveryAddress: { name: 'Ann', line1: 'Street 1', postalCode, city: 'Berlin', country },
    });
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
  const { code, message } = error;
  const text = `${Code[code]}: ${message}`;
  if (isTransient(error)) return { outcome: 'unavailable', text };
  if (!EXPECTED[kind].includes(code)) return { outcome: 'unexpected', text };
  return { outcome: 'refused', text, refusesKey: code === Code.INVALID_ARGUMENT };
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
