import { setTimeout as sleep } from 'node:timers/promises';
import { ADDRESS, type Market, NOWHERE, SHOP, type Shopper } from '../e2e/market';
import { Order } from '../e2e/edge';
import { until } from '../harness/until';
import type { Ask, Next, OrderAsk } from './asks';
import type { Asked, Ledger } from './ledger';
import type { Tracks } from './tracks';

/** Services that keep dead letters which an operator looks at now and then. */
export const SERVICES = [
  ...(['user', 'product', 'order', 'payment', 'notification', 'inventory', 'delivery'] as const),
];

/** What is left unanswered is not asked for ever. */
const SETTLE_TRIES = 20;
const SETTLE_AT_ONCE = 8;
const RETRY_MS = 2_000;
/** Longer than a breaker stays open. */
const REPLAY_MS = 30_000;
/** A client asks no more while so many of its requests wait. */
const MOST_IN_FLIGHT = 120;

interface Wish extends OrderAsk {
  readonly body: object;
}

/** What clients of the edge do, as they do it: at its own pace, whoever answers or does not. */
export class Load {
  /** Asks that were left out, as too many waited. */
  heldBack = 0;
  readonly #running = new Set<Promise<unknown>>();
  readonly #stopped = new AbortController();
  /** Requests that have no answer, by key: how to ask again. */
  readonly #open = new Map<string, () => Promise<boolean>>();

  constructor(
    private readonly market: Market,
    private readonly shoppers: readonly Shopper[],
    private readonly products: readonly string[],
    private readonly ledger: Ledger,
    private readonly tracks: Tracks,
  ) {}

  get inFlight(): number {
    return this.#running.size;
  }

  /** Asks one after the other until it is stopped. */
  async run(asks: Iterable<Ask>): Promise<void> {
    let due = Date.now();
    for (const ask of asks) {
      due += ask.waitMs;
      if (!(await this.#sleep(due - Date.now()))) return;
      if (this.inFlight >= MOST_IN_FLIGHT) this.heldBack++;
      else this.#start(this.#ask(ask));
    }
  }

  /** Asks nothing new, and waits until what was asked is answered, or not. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  /**
   * Asks again, under its key, what is without an answer; as a client does who wants to know. Gives
   * how many had none even then.
   */
  async settle(): Promise<number> {
    for (let tries = 0; tries < SETTLE_TRIES && this.#open.size > 0; tries++) {
      const queue = [...this.#open];
      const worker = async () => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
          const [key, again] = next;
          if (await again()) this.#open.delete(key);
        }
      };
      await Promise.all(Array.from({ length: SETTLE_AT_ONCE }, worker));
      if (this.#open.size > 0) await sleep(RETRY_MS);
    }
    return this.#open.size;
  }

  #start(work: Promise<unknown>): void {
    const running = work.finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #ask(ask: Ask): Promise<void> {
    if (ask.what === 'order') await this.#order(ask);
    else if (ask.what === 'replay')
      await this.replay(SERVICES[ask.service % SERVICES.length] ?? '');
    else {
      const productId = this.products[ask.product] ?? '';
      await this.adjust(ask.key, productId, ask.change);
    }
  }

  async #order(ask: OrderAsk): Promise<void> {
    const items = ask.items.map(({ product, quantity }) => {
      return { productId: this.products[product] ?? '', quantity };
    });
    const payment = { method: 'card', token: ask.token };
    const deliveryAddress = ask.nowhere ? NOWHERE : ADDRESS;
    const wish = { ...ask, body: { shopId: SHOP, items, payment, deliveryAddress } };
    let orderId = await this.#place(wish);
    for (let tries = 0; orderId === undefined && tries < ask.patience; tries++) {
      if (!(await this.#sleep(RETRY_MS))) break;
      orderId = await this.#place(wish);
    }
    if (orderId === undefined) {
      const again = async () => (await this.#place(wish)) !== undefined;
      if (ask.patience > 0) this.#open.set(ask.key, again);
      return;
    }
    for (const next of ask.next) this.#start(this.#later(next, wish, orderId));
  }

  /** Asks for the order; its id, if that came back. */
  async #place(wish: Wish, changed?: object): Promise<string | undefined> {
    const shopper = this.#shopper(wish.shopper);
    const { key } = wish;
    const body = changed ?? wish.body;
    const headers = {
      'idempotency-key': key,
      ...(wish.async ? { prefer: 'respond-async' } : {}),
    };
    const how = { what: 'order' as const, who: shopper.userId, path: '/orders', key, body };
    const asked = await this.ledger.note(
      changed === undefined ? how : { ...how, changed: true },
      () => shopper.send('POST', '/orders', { body, headers }),
    );
    this.tracks.note(asked, shopper, wish.token);
    return asked.told?.orderId;
  }

  async #later({ afterMs, what }: Next, wish: Wish, orderId: string): Promise<void> {
    if (!(await this.#sleep(afterMs))) return;
    const shopper = this.#shopper(wish.shopper);
    switch (what) {
      case 'same':
        await this.#place(wish);
        return;
      case 'changed':
        await this.#place(wish, { ...wish.body, payment: { method: 'card', token: 'tok_other' } });
        return;
      case 'cancel': {
        const path = `/orders/${orderId}/cancel`;
        await this.#note(
          shopper,
          { what, path, key: `${wish.key}-${what}`, body: {} },
          shopper.userId,
        );
        return;
      }
      default:
        await this.#refund(shopper, orderId, `${wish.key}-${what}`, what === 'refund-part');
    }
  }

  async #refund(shopper: Shopper, orderId: string, key: string, part: boolean): Promise<void> {
    const order = await shopper.get(Order, `/orders/${orderId}`).catch(() => undefined);
    if (order?.paymentId === undefined) return;
    const body = part ? { amount: { amount: '1.00', currency: 'EUR' } } : {};
    const path = `/payments/${order.paymentId}/refunds`;
    const refund = () =>
      this.#note(this.market.admin, { what: 'refund', path, key, body }, 'admin');
    const asked = await refund();
    if (isOpen(asked)) this.#open.set(key, async () => !isOpen(await refund()));
  }

  /** Puts pieces into the stock, or takes some. */
  async adjust(key: string, productId: string, change: number): Promise<Asked> {
    const path = `/inventory/${SHOP}/${productId}/adjustments`;
    const body = { change, reason: key };
    const adjust = () =>
      this.#note(this.market.admin, { what: 'adjust', path, key, body }, 'admin');
    const asked = await adjust();
    if (isOpen(asked)) this.#open.set(key, async () => !isOpen(await adjust()));
    return asked;
  }

  /** Replays the dead letters of a service that are listed first; gives which, if they were listed. */
  async replay(service: string): Promise<string[] | undefined> {
    const path = `/admin/dead-letters/${service}`;
    const listed = await this.market.admin.send('GET', `${path}?limit=50`).catch(() => undefined);
    if (listed?.status !== 200) return undefined;
    const ids = idsIn(listed.text);
    for (const id of ids) {
      // each try is a request of its own: under one key the first one's answer would be given again
      const key = `${id}-${this.ledger.asked.length}`;
      const replay = { what: 'replay', path: `${path}/${id}/replay`, key, body: {} } as const;
      await this.#note(this.market.admin, replay, 'admin');
    }
    return ids;
  }

  /** Replays until no dead letter is left, or none goes away in time; gives how many there were. */
  async replayAll(): Promise<number> {
    const seen = new Set<string>();
    const isEmpty = async (service: string) => {
      const ids = await this.replay(service);
      for (const id of ids ?? []) seen.add(`${service} ${id}`);
      return ids?.length === 0;
    };
    for (const service of SERVICES) {
      // what is left is found in the books
      await until(`${service} to be empty`, () => isEmpty(service), REPLAY_MS).catch(() => false);
    }
    return seen.size;
  }

  #note(
    edge: Pick<Shopper, 'send'>,
    asking: Pick<Asked, 'what' | 'path' | 'key' | 'body'>,
    who: string,
  ): Promise<Asked> {
    const { path, key, body } = asking;
    const headers = { 'idempotency-key': key };
    return this.ledger.note({ ...asking, who }, () => edge.send('POST', path, { body, headers }));
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

/** Whether it is still open what came of it. */
const isOpen = ({ status }: Asked) => status === undefined || status >= 500 || status === 409;

function idsIn(text: string): string[] {
  return [...text.matchAll(/"id":"([^"]+)"/g)].map(([, id = '']) => encodeURIComponent(id));
}
