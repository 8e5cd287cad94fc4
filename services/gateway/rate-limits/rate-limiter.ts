import { Counter } from 'prom-client';
import type { Caller } from '#kit/core/caller';
import { newCallContext } from '#kit/core/call-context';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { network } from '../http/client-address';
import { type Count, Counters } from './counters';
import { EdgeError } from '../http/errors';
import type { EdgeRequest, EdgeResponse } from '../http/types';
import { openContext } from '../definition';
import { connect } from './shared-counters';
import type { Limit, Tier, Tiers } from './tiers';

/** Undefined where it is done already: each request passes here, and hardly any has to wait. */
export type AtOnce = Promise<void> | undefined;

/**
 * Refuses who asks too often, and tells everybody how often they still may: RateLimit and
 * RateLimit-Policy as in draft-ietf-httpapi-ratelimit-headers-10.
 */
export class RateLimiter {
  readonly tiers: Tiers;
  readonly #counters: Counters;
  readonly #refused: Counter<'limit'>;
  /** As each tier is told, again and again. */
  readonly #policies = new Map<Tier, string>();

  constructor(runtime: ServiceRuntime, stopping: AbortSignal) {
    const { LIMITS_FILE, LIMITS_STORE } = openContext(
      runtime,
      newCallContext(runtime.clock),
    ).config;
    const registers = [runtime.metrics.registry];
    const failures = new Counter({
      name: 'rate_limit_store_failures_total',
      help: 'Times that the store of limits did not answer, and was left alone for a second',
      registers,
    });
    this.#refused = new Counter({
      name: 'rate_limited_requests_total',
      help: 'Requests that were one too many, by limit',
      labelNames: ['limit'],
      registers,
    });
    this.tiers = LIMITS_FILE;
    const store = LIMITS_STORE === undefined ? undefined : connect(LIMITS_STORE, runtime.log);
    stopping.addEventListener('abort', () => store?.destroy());
    this.#counters = new Counters(store, runtime.clock, failures);
  }

  /** Whether replicas count together at the moment. */
  get store(): 'none' | 'reached' | 'away' {
    return this.#counters.store;
  }

  /** Of every request: by whom it is of, or else where it comes from. */
  general(request: EdgeRequest, response: EdgeResponse): AtOnce {
    const { caller } = response.locals;
    return this.#take(
      this.tiers.general[caller.role] ?? this.tiers.general.usual,
      ['general', ...subject(caller, request)],
      response,
    );
  }

  /**
   * Of what is shown and has to be verified, by where it comes from: anybody can make up tokens and
   * keys, and to find out costs a signature's check or a call. Told to whom it refuses: a client whose
   * token is good meets it once.
   */
  unverified(request: EdgeRequest, response: EdgeResponse): AtOnce {
    return this.#take(this.tiers.unverified, ['unverified', network(request.ip)], response, false);
  }

  payment(request: EdgeRequest, response: EdgeResponse): AtOnce {
    const { caller } = response.locals;
    const tier = this.tiers.payment[caller.role] ?? this.tiers.payment.usual;
    return this.#take(tier, ['payment', ...subject(caller, request)], response);
  }

  /**
   * Of signing in: by where from, and by the account that is tried, whoever tries it. Closed while
   * the store is away: on so many replicas as many guesses would be possible.
   */
  async login(request: EdgeRequest, response: EdgeResponse): Promise<void> {
    await this.#take(this.tiers.address, ['address', network(request.ip)], response);
    const account = accountIn(request.body);
    if (account !== undefined) await this.#take(this.tiers.account, ['account', account], response);
    if (this.store !== 'away') return;
    response.set('retry-after', '1');
    throw new EdgeError(503, 'nobody can sign in at the moment, try again later');
  }

  #take(tier: Tier, whom: readonly string[], response: EdgeResponse, isTold = true): AtOnce {
    const counts = this.#counters.count(tier, whom);
    if (!(counts instanceof Promise)) {
      this.#tell(tier, counts, response, isTold);
      return undefined;
    }
    return counts.then((all) => {
      this.#tell(tier, all, response, isTold);
    });
  }

  #tell(tier: Tier, counts: readonly Count[], response: EdgeResponse, isTold: boolean): void {
    const least = counts.reduce((least, each) => (share(each) < share(least) ? each : least));
    if (!least.isOver && !isTold) return;
    add(response, 'ratelimit-policy', this.#policyOf(tier));
    add(response, 'ratelimit', `"${least.limit.name}";r=${least.left};t=${seconds(least)}`);
    if (!least.isOver) return;
    this.#refused.inc({ limit: least.limit.name });
    response.set('retry-after', String(seconds(least)));
    throw new EdgeError(429, 'too many requests, try again later', { limit: least.limit.name });
  }

  #policyOf(tier: Tier): string {
    const told = this.#policies.get(tier) ?? tier.map(policy).join(', ');
    this.#policies.set(tier, told);
    return told;
  }
}

function subject({ userId, tenantId }: Caller, { ip }: EdgeRequest): readonly string[] {
  return userId === '' ? ['address', network(ip)] : ['user', tenantId, userId];
}

/** The account that a request to sign in is about, in the one way in which it is counted. */
function accountIn(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('email' in body)) return undefined;
  return typeof body.email === 'string' ? body.email.trim().toLowerCase() : undefined;
}

/** A list in one line, as clients that are simple read it. */
function add(response: EdgeResponse, name: string, entries: string): void {
  const told = response.getHeader(name);
  response.setHeader(name, told === undefined ? entries : `${String(told)}, ${entries}`);
}

const policy = ({ name, quota, window }: Limit) => `"${name}";q=${quota};w=${window}`;

/** What is left of a quota, as a part of it; less than nothing where it is over. */
const share = ({ limit, left, isOver }: Count) => (isOver ? -1 : left / limit.quota);

const seconds = ({ resetMs }: Count) => Math.max(1, Math.ceil(resetMs / 1000));
