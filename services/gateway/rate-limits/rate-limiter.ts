import { Counter } from 'prom-client';
import type { Caller } from '#kit/core/caller';
import { clientNetwork } from '#kit/core/client-address';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { Email } from '#retail/contact';
import { EdgeError } from '../http/errors';
import type { EdgeRequest, EdgeResponse } from '../http/types';
import { type Count, Counters, type StoreStatus } from './counters';
import { connect } from './shared-counters';
import type { Limit, Tier, Tiers } from './tiers';

/** Undefined if the check completed synchronously, as almost every request passes without waiting. */
export type MaybeAsync = Promise<void> | undefined;

export interface RateLimiterOptions {
  readonly tiers: Tiers;
  /** URL of the store that replicas share; each replica counts by itself without one. */
  readonly storeUrl: string | undefined;
}

/**
 * Refuses requests beyond the limits with 429, and adds the headers RateLimit and RateLimit-Policy
 * (draft-ietf-httpapi-ratelimit-headers-10) to every response that was counted.
 */
export class RateLimiter {
  readonly tiers: Tiers;
  readonly #counters: Counters;
  readonly #refused: Counter<'limit'>;
  /** RateLimit-Policy by tier, built once. */
  readonly #policies = new Map<Tier, string>();

  /** Closes its connection to the store when `stopping` is aborted. */
  constructor(
    { metrics, clock, log }: ServiceRuntime,
    { tiers, storeUrl }: RateLimiterOptions,
    stopping: AbortSignal,
  ) {
    const registers = [metrics.registry];
    const failures = new Counter({
      name: 'rate_limit_store_failures_total',
      help: 'Failures of the shared rate limit store, each followed by a pause of one second',
      registers,
    });
    this.#refused = new Counter({
      name: 'rate_limited_requests_total',
      help: 'Requests refused with 429, by limit',
      labelNames: ['limit'],
      registers,
    });
    this.tiers = tiers;
    const store = storeUrl === undefined ? undefined : connect(storeUrl, log);
    stopping.addEventListener('abort', () => store?.destroy());
    this.#counters = new Counters(store, clock, failures);
  }

  get storeStatus(): StoreStatus {
    return this.#counters.storeStatus;
  }

  /** For every request, by user, or by address if no user is known. */
  general(request: EdgeRequest, response: EdgeResponse): MaybeAsync {
    const { caller } = response.locals;
    return this.#check(
      this.tiers.general[caller.role] ?? this.tiers.general.usual,
      ['general', ...subjectOf(caller, request)],
      response,
    );
  }

  /**
   * For tokens and keys that have to be verified, by address: anyone can invent some, and each costs a
   * signature check or a call. Only a refusal adds headers, as a valid token is verified once.
   */
  unverified(request: EdgeRequest, response: EdgeResponse): MaybeAsync {
    const subject = ['unverified', clientNetwork(request.ip)];
    return this.#check(this.tiers.unverified, subject, response, false);
  }

  /**
   * For what the gateway answers without a service, by address: its status, and OPTIONS. A load balancer
   * can always ask for its health. Only a refusal adds headers.
   */
  status(request: EdgeRequest, response: EdgeResponse): MaybeAsync {
    const subject = ['status', clientNetwork(request.ip)];
    return this.#check(this.tiers.status, subject, response, false);
  }

  /** For the API documentation, by address. Only a refusal adds headers. */
  docs(request: EdgeRequest, response: EdgeResponse): MaybeAsync {
    return this.#check(this.tiers.docs, ['docs', clientNetwork(request.ip)], response, false);
  }

  /** For payment routes, by user. */
  payment(request: EdgeRequest, response: EdgeResponse): MaybeAsync {
    const { caller } = response.locals;
    const tier = this.tiers.payment[caller.role] ?? this.tiers.payment.usual;
    return this.#check(tier, ['payment', ...subjectOf(caller, request)], response);
  }

  /**
   * For signing in, by address, and by account and address together. An account alone is never refused:
   * a stranger who guesses its password could lock its owner out. Instead, the user service delays wrong
   * passwords (services/user/sign-in-throttle.ts). Refuses with 503 while the store fails, as each replica
   * would otherwise allow the full number of password guesses.
   */
  async login(request: EdgeRequest, response: EdgeResponse): Promise<void> {
    await this.#check(this.tiers.address, ['address', clientNetwork(request.ip)], response);
    const account = accountIn(request.body);
    if (account !== undefined) {
      await this.#check(
        this.tiers.account,
        ['account', account, clientNetwork(request.ip)],
        response,
      );
    }
    if (this.storeStatus !== 'away') return;
    response.set('retry-after', '1');
    throw new EdgeError(503, 'signing in is temporarily unavailable, try again later');
  }

  #check(
    tier: Tier,
    subject: readonly string[],
    response: EdgeResponse,
    addsHeaders = true,
  ): MaybeAsync {
    const counts = this.#counters.count(tier, subject);
    if (!(counts instanceof Promise)) {
      this.#apply(tier, counts, response, addsHeaders);
      return undefined;
    }
    return counts.then((all) => {
      this.#apply(tier, all, response, addsHeaders);
    });
  }

  #apply(tier: Tier, counts: readonly Count[], response: EdgeResponse, addsHeaders: boolean): void {
    const least = counts.reduce((least, each) => (share(each) < share(least) ? each : least));
    if (!least.isOver && !addsHeaders) return;
    addTo(response, 'ratelimit-policy', this.#policyOf(tier));
    addTo(response, 'ratelimit', `"${least.limit.name}";r=${least.left};t=${seconds(least)}`);
    if (!least.isOver) return;
    this.#refused.inc({ limit: least.limit.name });
    response.set('retry-after', String(seconds(least)));
    throw new EdgeError(429, 'too many requests, try again later', { limit: least.limit.name });
  }

  #policyOf(tier: Tier): string {
    const value = this.#policies.get(tier) ?? tier.map(policy).join(', ');
    this.#policies.set(tier, value);
    return value;
  }
}

function subjectOf({ userId, tenantId }: Caller, { ip }: EdgeRequest): readonly string[] {
  return userId === '' ? ['address', clientNetwork(ip)] : ['user', tenantId, userId];
}

/** The account that a sign-in is for, normalised so that each spelling counts as the same account. */
function accountIn(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('email' in body)) return undefined;
  return Email.safeParse(body.email).data;
}

/** Appends to a list header. One line, since simple clients read only the first. */
function addTo(response: EdgeResponse, name: string, entries: string): void {
  const before = response.getHeader(name);
  response.setHeader(name, before === undefined ? entries : `${String(before)}, ${entries}`);
}

const policy = ({ name, quota, window }: Limit) => `"${name}";q=${quota};w=${window}`;

/** The fraction of the quota that is left; negative if it is exceeded. */
const share = ({ limit, left, isOver }: Count) => (isOver ? -1 : left / limit.quota);

const seconds = ({ resetMs }: Count) => Math.max(1, Math.ceil(resetMs / 1000));
