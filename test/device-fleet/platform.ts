import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { eachOf as eachOfSome } from '../tools/each-of';

const Answer = z.object({
  data: z.unknown().optional(),
  error: z.string().optional(),
  details: z.unknown().optional(),
});
const LoggedIn = z.object({ token: z.string(), refreshToken: z.string() });

const RETRY_MS = 120_000;
const PAUSE_MS = 500;
const ANSWER_MS = 30_000;
const LIMIT = 100;
const CONCURRENCY = 8;
const UNAUTHENTICATED = 401;
const CONFLICT = 409;

/** The platform is busy or unavailable for a moment. */
const RETRIED: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

interface Account {
  readonly email: string;
  readonly password: string;
}

/**
 * The platform's API for one account. Transient failures are retried under the same idempotency key. When the
 * session has ended, it signs in again: a token is valid for an hour, and an account has ten sessions at most.
 */
export class Platform {
  #token = '';
  #refreshToken = '';
  #signingIn: Promise<void> | undefined;

  private constructor(
    readonly url: string,
    private readonly account: Account | undefined,
  ) {}

  static async signIn(url: string, account: Account): Promise<Platform> {
    const platform = new Platform(url, account);
    await platform.#signIn(account);
    return platform;
  }

  /** A new customer. */
  static async signUp(url: string): Promise<Platform> {
    const account = { email: `${randomUUID()}@example.com`, password: randomUUID() };
    await Platform.register(url, account);
    return Platform.signIn(url, account);
  }

  /** Registers a customer, unless it exists. */
  static async register(url: string, account: Account): Promise<void> {
    const anonymous = new Platform(url, undefined);
    const body = { ...account, name: 'A Buyer' };
    await anonymous.ask(z.unknown(), 'POST', '/auth/register', body, [CONFLICT]);
  }

  get<S extends z.ZodType>(schema: S, path: string): Promise<z.output<S>> {
    return this.ask(schema, 'GET', path);
  }

  /** All items of a list. */
  async all<S extends z.ZodType>(item: S, path: string): Promise<z.output<S>[]> {
    const page = z.object({ items: z.array(item), total: z.int() });
    const found: z.output<S>[] = [];
    for (let number = 1; ; number++) {
      const query = `${path.includes('?') ? '&' : '?'}page=${number}&limit=${LIMIT}`;
      const { items, total } = await this.get(page, `${path}${query}`);
      found.push(...items);
      if (items.length === 0 || number * LIMIT >= total) return found;
    }
  }

  /** The data of a successful answer; throws for another one, unless its status is in `also`. */
  async ask<S extends z.ZodType>(
    schema: S,
    method: string,
    path: string,
    body?: unknown,
    also: readonly number[] = [],
  ): Promise<z.output<S>> {
    const { status, data, error } = await this.send(method, path, body);
    if (status >= 400 && !also.includes(status)) {
      throw new Error(`${method} ${path} was answered ${status}: ${error}`);
    }
    return schema.parse(data);
  }

  /** The first answer that is not a transient failure, nor the end of the session. */
  async send(method: string, path: string, body?: unknown) {
    const token = this.#token;
    const answer = await this.#answered(method, path, body);
    if (answer.status !== UNAUTHENTICATED || this.account === undefined) return answer;
    await this.#renew(this.account, token);
    return this.#answered(method, path, body);
  }

  /** Signs in once for all requests that were refused with this token. */
  async #renew(account: Account, refused: string): Promise<void> {
    if (this.#token !== refused) return;
    this.#signingIn ??= this.#signIn(account).finally(() => (this.#signingIn = undefined));
    await this.#signingIn;
  }

  async #signIn(account: Account): Promise<void> {
    const anonymous = new Platform(this.url, undefined);
    const signedIn = await anonymous.ask(LoggedIn, 'POST', '/auth/login', account);
    this.#token = signedIn.token;
    this.#refreshToken = signedIn.refreshToken;
  }

  /** Ends the session, so that it does not end another one of the account when there are ten. */
  async signOut(): Promise<void> {
    const body = { refreshToken: this.#refreshToken };
    const anonymous = new Platform(this.url, undefined);
    await anonymous.ask(z.unknown(), 'POST', '/auth/logout', body);
  }

  async #answered(method: string, path: string, body: unknown) {
    const key = randomUUID();
    const until = Date.now() + RETRY_MS;
    for (;;) {
      const answer = await this.#once(method, path, body, key).catch(() => undefined);
      if (answer !== undefined && !RETRIED.has(answer.status)) return answer;
      if (Date.now() > until) {
        throw new Error(`${method} ${path} was not answered: ${answer?.status ?? 'no answer'}`);
      }
      await sleep(PAUSE_MS * (0.5 + Math.random()));
    }
  }

  async #once(method: string, path: string, body: unknown, key: string) {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        'idempotency-key': key,
        ...(this.#token === '' ? {} : { authorization: `Bearer ${this.#token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const { data, error = '', details } = Answer.parse(await response.json());
    return { status: response.status, data, error, details };
  }
}

/** Runs `work` for each item, a few at a time. */
export function eachOf<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  return eachOfSome(items, CONCURRENCY, work);
}
