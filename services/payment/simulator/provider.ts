import { z } from 'zod';
import { type Clock, systemClock } from '#kit/core/clock';
import { describeErrors, parseWith } from '#kit/core/schema-errors';
import { Money } from '#retail/money';
import type { EndpointResponse } from '#kit/transport/sidecar';
import {
  type Ledger,
  type LedgerEntry,
  authorised,
  captured,
  capturedLater,
  refunded,
  voided,
} from './ledger';

/** What is asked over HTTP; header names are in small letters. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
}

const Key = z.string().regex(/^[\w-]{1,255}$/, 'has the wrong form');
const Capture = z.object({ amount: Money, token: z.string().min(1).max(255) });
const Refund = z.object({ amount: Money });

const NOT_AVAILABLE: EndpointResponse = { status: 503, body: { error: 'not available' } };
const silence = () => new Promise<EndpointResponse>(() => undefined);
const NOT_FOUND: EndpointResponse = { status: 404, body: { error: 'not found' } };

/**
 * A payment provider in the provider's stead. Every movement is asked under a key, the same key
 * again is the same movement; what a capture does is told by its token. An authorisation is voided,
 * and what was captured of it refunded, as what was captured at once.
 *
 *     POST /captures                     {amount, token}  {status: captured | declined | voided, reason?}
 *     POST /captures/<key>/refunds       {amount}         {status: done | refused}
 *     POST /captures/<key>/void                           {released?: amount}
 *     POST /authorizations               {amount, token}  {status: authorised | ..., reason?}
 *     POST /authorizations/<key>/capture                  {status: captured | voided | expired, reason?}
 *     GET  /ledger                                        {captures: [{key, state, amount, ...}]}
 */
export class SimulatedProvider {
  constructor(
    private readonly ledger: Ledger,
    private readonly clock: Clock = systemClock,
  ) {}

  /** The answer; a promise that never settles where it stays silent. */
  answer({
    method,
    path,
    body,
    headers = {},
  }: Asked): EndpointResponse | Promise<EndpointResponse> {
    if (method === 'GET' && path === '/ledger') {
      const captures = [...this.ledger.entries()].map(([key, entry]) => ({ key, ...entry }));
      return { status: 200, body: { captures } };
    }
    if (method !== 'POST') return NOT_FOUND;
    const key = parseWith(Key, headers['idempotency-key']);
    if (key.errors) return bad('idempotency-key', key.errors);
    if (path === '/captures' || path === '/authorizations') {
      const asked = parseWith(Capture, body);
      if (asked.errors) return bad('the body', asked.errors);
      return this.#begin(path === '/captures', key.data, asked.data);
    }
    const [, held] = /^\/authorizations\/([\w-]{1,255})\/capture$/.exec(path) ?? [];
    if (held !== undefined) return this.#captureLater(held);
    const [, of = '', what] = /^\/captures\/([\w-]{1,255})\/(refunds|void)$/.exec(path) ?? [];
    if (what === 'void') return this.#void(of);
    if (what !== 'refunds') return NOT_FOUND;
    const asked = parseWith(Refund, body);
    return asked.errors ? bad('the body', asked.errors) : this.#refund(of, key.data, asked.data);
  }

  #begin(
    atOnce: boolean,
    key: string,
    { amount, token }: z.output<typeof Capture>,
  ): EndpointResponse | Promise<EndpointResponse> {
    const now = this.ledger.get(key);
    const entry = atOnce
      ? captured(now, amount, token)
      : authorised(now, amount, token, this.clock.now());
    this.ledger.set(key, entry);
    if (entry.state === 'failing') return NOT_AVAILABLE;
    const isGranted = entry.state === 'captured' || entry.state === 'authorised';
    return isGranted && entry.silent ? silence() : outcomeOf(entry);
  }

  #captureLater(of: string): EndpointResponse | Promise<EndpointResponse> {
    const now = this.ledger.get(of);
    if (now === undefined) return NOT_FOUND;
    const [entry, how] = capturedLater(now, this.clock.now());
    this.ledger.set(of, entry);
    if (how === 'failing') return NOT_AVAILABLE;
    return how === 'silent' ? silence() : outcomeOf(entry);
  }

  #refund(of: string, key: string, { amount }: z.output<typeof Refund>): EndpointResponse {
    const now = this.ledger.get(of);
    if (now === undefined) return { status: 200, body: { status: 'refused' } };
    const [entry, status] = refunded(now, key, amount);
    this.ledger.set(of, entry);
    return status === 'failing' ? NOT_AVAILABLE : { status: 200, body: { status } };
  }

  #void(of: string): EndpointResponse {
    const entry = voided(this.ledger.get(of));
    this.ledger.set(of, entry);
    return { status: 200, body: entry.released === undefined ? {} : { released: entry.released } };
  }
}

function outcomeOf({ state: status, reason }: LedgerEntry): EndpointResponse {
  return { status: 200, body: { status, ...(reason === undefined ? {} : { reason }) } };
}

/** Names the field, and never what was given: it may be a token. */
function bad(whole: string, faults: Parameters<typeof describeErrors>[0]): EndpointResponse {
  return { status: 400, body: { error: describeErrors(faults, whole) } };
}
