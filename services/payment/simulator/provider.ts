import { z } from 'zod';
import { type Clock, systemClock } from '#kit/core/clock';
import { describeErrors, parseWith } from '#kit/core/schema-errors';
import { Money } from '#retail/money';
import type { EndpointResponse } from '#kit/transport/sidecar';
import {
  type Ledger,
  type LedgerEntry,
  applyAuthorization,
  applyCharge,
  applyCapture,
  applyRefund,
  applyVoid,
} from './ledger';

/** An HTTP request; header names are in lower case. */
interface ProviderRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
}

const Key = z
  .string()
  .regex(/^[\w-]{1,255}$/, 'must be 1 to 255 letters, digits, hyphens or underscores');
const Capture = z.object({ amount: Money, token: z.string().min(1).max(255) });
const Refund = z.object({ amount: Money });

const UNAVAILABLE: EndpointResponse = { status: 503, body: { error: 'unavailable' } };
const neverAnswers = () => new Promise<EndpointResponse>(() => undefined);
const NOT_FOUND: EndpointResponse = { status: 404, body: { error: 'not found' } };

/**
 * A simulated payment provider. Every request has an idempotency key: the same key is the same
 * movement of money. The token decides the outcome of a charge or authorisation. The paths for refunds
 * and voids are the same for a capture and for an authorisation.
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

  /** The response; a promise that never settles if the request gets none. */
  answer({
    method,
    path,
    body,
    headers = {},
  }: ProviderRequest): EndpointResponse | Promise<EndpointResponse> {
    if (method === 'GET' && path === '/ledger') {
      const captures = [...this.ledger.entries()].map(([key, entry]) => ({ key, ...entry }));
      return { status: 200, body: { captures } };
    }
    if (method !== 'POST') return NOT_FOUND;
    const key = parseWith(Key, headers['idempotency-key']);
    if (key.errors) return badRequest('idempotency-key', key.errors);
    if (path === '/captures' || path === '/authorizations') {
      const capture = parseWith(Capture, body);
      if (capture.errors) return badRequest('the body', capture.errors);
      return this.#begin(path === '/captures', key.data, capture.data);
    }
    const [, authorised] = /^\/authorizations\/([\w-]{1,255})\/capture$/.exec(path) ?? [];
    if (authorised !== undefined) return this.#captureAuthorised(authorised);
    const [, captured = '', operation] =
      /^\/captures\/([\w-]{1,255})\/(refunds|void)$/.exec(path) ?? [];
    if (operation === 'void') return this.#void(captured);
    if (operation !== 'refunds') return NOT_FOUND;
    const refund = parseWith(Refund, body);
    if (refund.errors) return badRequest('the body', refund.errors);
    return this.#refund(captured, key.data, refund.data);
  }

  #begin(
    isCapture: boolean,
    key: string,
    { amount, token }: z.output<typeof Capture>,
  ): EndpointResponse | Promise<EndpointResponse> {
    const current = this.ledger.get(key);
    const entry = isCapture
      ? applyCharge(current, amount, token)
      : applyAuthorization(current, amount, token, this.clock.now());
    this.ledger.set(key, entry);
    if (entry.state === 'failing') return UNAVAILABLE;
    const isGranted = entry.state === 'captured' || entry.state === 'authorised';
    return isGranted && entry.silent ? neverAnswers() : outcomeOf(entry);
  }

  #captureAuthorised(authorised: string): EndpointResponse | Promise<EndpointResponse> {
    const current = this.ledger.get(authorised);
    if (current === undefined) return NOT_FOUND;
    const [entry, result] = applyCapture(current, this.clock.now());
    this.ledger.set(authorised, entry);
    if (result === 'failing') return UNAVAILABLE;
    return result === 'silent' ? neverAnswers() : outcomeOf(entry);
  }

  #refund(captured: string, key: string, { amount }: z.output<typeof Refund>): EndpointResponse {
    const current = this.ledger.get(captured);
    if (current === undefined) return { status: 200, body: { status: 'refused' } };
    const [entry, status] = applyRefund(current, key, amount);
    this.ledger.set(captured, entry);
    return status === 'failing' ? UNAVAILABLE : { status: 200, body: { status } };
  }

  #void(captured: string): EndpointResponse {
    const entry = applyVoid(this.ledger.get(captured));
    this.ledger.set(captured, entry);
    return { status: 200, body: entry.released === undefined ? {} : { released: entry.released } };
  }
}

function outcomeOf({ state: status, reason }: LedgerEntry): EndpointResponse {
  return { status: 200, body: { status, ...(reason === undefined ? {} : { reason }) } };
}

/** Names the field and never its value, which may be a token. */
function badRequest(whole: string, errors: Parameters<typeof describeErrors>[0]): EndpointResponse {
  return { status: 400, body: { error: describeErrors(errors, whole) } };
}
