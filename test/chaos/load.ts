import { setTimeout as sleep } from 'node:timers/promises';
import { ADDRESS, type EdgeFixture, SHOP, type Shopper, UNREACHABLE } from '../e2e/fixtures';
import { Order } from '../e2e/edge';
import { eachOf } from '../tools/each-of';
import { until } from '../harness/until';
import type { OrderTracker } from './order-tracker';
import type { LoggedRequest, RequestLog } from './request-log';
import type { FollowUp, PlannedOrder, PlannedRequest } from './workload';

/** The services whose dead letters an operator replays now and then. */
export const SERVICES = [
  ...([
    'user',
    'product',
    'order',
    'payment',
    'notification',
    'inventory',
    'delivery',
    'shop',
  ] as const),
];

/** How many times the unanswered requests are sent again at the end. */
const SETTLE_TRIES = 20;
const SETTLE_CONCURRENCY = 8;
const RETRY_MS = 2_000;
/** Longer than a circuit breaker stays open. */
const REPLAY_MS = 30_000;
/** No further request is sent while this number of requests is in flight. */
const MOST_IN_FLIGHT = 120;

interface PlacedOrder extends PlannedOrder {
  readonly body: object;
}

/** The clients of the edge. They send their requests at the planned times, whether or not earlier ones are answered. */
export class Load {
  /** Requests that were left out, as too many were in flight. */
  heldBack = 0;
  readonly #running = new Set<Promise<unknown>>();
  readonly #stopped = new AbortController();
  /** The requests without an answer, by key: sends one again, and returns whether it was answered. */
  readonly #open = new Map<string, () => Promise<boolean>>();

  constructor(
    private readonly fixture: EdgeFixture,
    private readonly shoppers: readonly Shopper[],
    private readonly products: readonly string[],
    private readonly log: RequestLog,
    private readonly tracker: OrderTracker,
  ) {}

  get inFlight(): number {
    return this.#running.size;
  }

  /** Sends one request after the other until it is stopped. */
  async run(requests: Iterable<PlannedRequest>): Promise<void> {
    let due = Date.now();
    for (const request of requests) {
      due += request.waitMs;
      if (!(await this.#sleep(due - Date.now()))) return;
      if (this.inFlight >= MOST_IN_FLIGHT) this.heldBack++;
      else this.#start(this.#perform(request));
    }
  }

  /** Sends nothing new, and waits for the requests in flight. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  /** Sends the unanswered requests again under their keys; returns how many stay unanswered. */
  async settle(): Promise<number> {
    for (let tries = 0; tries < SETTLE_TRIES && this.#open.size > 0; tries++) {
      await eachOf([...this.#open], SETTLE_CONCURRENCY, async ([key, again]) => {
        if (await again()) this.#open.delete(key);
      });
      if (this.#open.size > 0) await sleep(RETRY_MS);
    }
    return this.#open.size;
  }

  #start(work: Promise<unknown>): void {
    const running = work.finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #perform(request: PlannedRequest): Promise<void> {
    if (request.what === 'order') await this.#order(request);
    else if (request.what === 'replay')
      await this.replay(SERVICES[request.service % SERVICES.length] ?? '');
    else {
      const productId = this.products[request.product] ?? '';
      await this.adjust(request.key, productId, request.change);
    }
  }

  async #order(planned: PlannedOrder): Promise<void> {
    const items = planned.items.map(({ product, quantity }) => {
      return { productId: this.products[product] ?? '', quantity };
    });
    const payment = { method: 'card', token: planned.token };
    const deliveryAddress = planned.unreachable ? UNREACHABLE : ADDRESS;
    const order = { ...planned, body: { shopId: SHOP, items, payment, deliveryAddress } };
    let orderId = await this.#place(order);
    for (let tries = 0; orderId === undefined && tries < planned.retries; tries++) {
      if (!(await this.#sleep(RETRY_MS))) break;
      orderId = await this.#place(order);
    }
    if (orderId === undefined) {
      // it was refused, or will be
      if (planned.unreachable) return;
      const again = async () => (await this.#place(order)) !== undefined;
      if (planned.retries > 0) this.#open.set(planned.key, again);
      return;
    }
    for (const followUp of planned.followUps) this.#start(this.#later(followUp, order, orderId));
  }

  /** Sends the order, with another body where one is given; returns its id if that was answered. */
  async #place(order: PlacedOrder, changed?: object): Promise<string | undefined> {
    const shopper = this.#shopper(order.shopper);
    const { key } = order;
    const body = changed ?? order.body;
    const headers = {
      'idempotency-key': key,
      ...(order.async ? { prefer: 'respond-async' } : {}),
    };
    const logged = await this.log.record(
      { kind: 'order', client: shopper.userId, path: '/orders', key, body },
      () => shopper.send('POST', '/orders', { body, headers }),
    );
    this.tracker.note(logged, shopper, order.token);
    return logged.data?.orderId;
  }

  async #later({ afterMs, what }: FollowUp, order: PlacedOrder, orderId: string): Promise<void> {
    if (!(await this.#sleep(afterMs))) return;
    const shopper = this.#shopper(order.shopper);
    switch (what) {
      case 'same':
        await this.#place(order);
        return;
      case 'changed': {
        const payment = { method: 'card', token: 'tok_other' };
        await this.#place(order, { ...order.body, payment });
        return;
      }
      case 'cancel': {
        const path = `/orders/${orderId}/cancel`;
        const key = `${order.key}-${what}`;
        const request = { kind: what, path, key, body: {}, orderId } as const;
        await this.#send(shopper, request, shopper.userId);
        return;
      }
      default:
        await this.#refund(shopper, orderId, `${order.key}-${what}`, what === 'refund-part');
    }
  }

  async #refund(shopper: Shopper, orderId: string, key: string, part: boolean): Promise<void> {
    const order = await shopper.get(Order, `/orders/${orderId}`).catch(() => undefined);
    if (order?.paymentId === undefined) return;
    const body = part ? { amount: { amount: '1.00', currency: 'EUR' } } : {};
    const path = `/payments/${order.paymentId}/refunds`;
    const request = { kind: 'refund', path, key, body, orderId } as const;
    const refund = () => this.#send(this.fixture.admin, request, 'admin');
    const logged = await refund();
    if (isOpen(logged)) this.#open.set(key, async () => !isOpen(await refund()));
  }

  /** Adds pieces to a stock, or takes some. */
  async adjust(key: string, productId: string, change: number): Promise<LoggedRequest> {
    const path = `/inventory/${SHOP}/${productId}/adjustments`;
    const request = { kind: 'adjust', path, key, body: { change, reason: key } } as const;
    const adjust = () => this.#send(this.fixture.admin, request, 'admin');
    const logged = await adjust();
    if (isOpen(logged)) this.#open.set(key, async () => !isOpen(await adjust()));
    return logged;
  }

  /** Replays the first page of a service's dead letters; returns their ids, or undefined if the list is unavailable. */
  async replay(service: string): Promise<string[] | undefined> {
    const path = `/admin/dead-letters/${service}`;
    const listed = await this.fixture.admin.send('GET', `${path}?limit=50`).catch(() => undefined);
    if (listed?.status !== 200) return undefined;
    const ids = idsIn(listed.text);
    for (const id of ids) {
      // under one key the second replay would return the answer of the first
      const key = `${id}-${this.log.requests.length}`;
      const replay = { kind: 'replay', path: `${path}/${id}/replay`, key, body: {} } as const;
      await this.#send(this.fixture.admin, replay, 'admin');
    }
    return ids;
  }

  /** Replays until each list is empty or its time is over; returns how many dead letters there were. */
  async replayAll(): Promise<number> {
    const seen = new Set<string>();
    const isEmpty = async (service: string) => {
      const ids = await this.replay(service);
      for (const id of ids ?? []) seen.add(`${service} ${id}`);
      return ids?.length === 0;
    };
    for (const service of SERVICES) {
      // an invariant reports the dead letters that are left
      await until(`${service} to be empty`, () => isEmpty(service), REPLAY_MS).catch(() => false);
    }
    return seen.size;
  }

  #send(
    edge: Pick<Shopper, 'send'>,
    request: Pick<LoggedRequest, 'kind' | 'path' | 'key' | 'body' | 'orderId'>,
    client: string,
  ): Promise<LoggedRequest> {
    const { path, key, body } = request;
    const headers = { 'idempotency-key': key };
    return this.log.record({ ...request, client }, () =>
      edge.send('POST', path, { body, headers }),
    );
  }

  #shopper(index: number): Shopper {
    const found = this.shoppers[index % this.shoppers.length];
    if (found === undefined) throw new Error(`there is no shopper ${index}`);
    return found;
  }

  #sleep(ms: number): Promise<boolean> {
    const { signal } = this.#stopped;
    return sleep(Math.max(0, ms), true, { signal }).catch(() => false);
  }
}

/** Whether the outcome is unknown, so that the request has to be sent again. */
const isOpen = ({ status }: LoggedRequest) =>
  status === undefined || status >= 500 || status === 409;

function idsIn(text: string): string[] {
  return [...text.matchAll(/"id":"([^"]+)"/g)].map(([, id = '']) => encodeURIComponent(id));
}
