import { z } from 'zod';
import { Money, add, compare, minor, ofMinor, subtract } from '#retail/money';

/** One capture, or one authorisation with its capture. */
export const LedgerEntry = z.object({
  state: z.enum(['failing', 'authorised', 'captured', 'declined', 'voided', 'expired']),
  amount: Money.optional(),
  reason: z.string().optional(),
  refunds: z.array(z.object({ key: z.string(), amount: Money })),
  /** The amount that was left, and refunded, when the capture was voided. */
  released: Money.optional(),
  failures: z.int(),
  /** Refunds that fail before one succeeds. */
  refundsToFail: z.int(),
  /** Whether the charge gets no response. */
  silent: z.boolean(),
  /** When an authorisation expires, in milliseconds since the epoch. */
  expiresAt: z.number().optional(),
  /** Captures that fail before one succeeds, and captures that get no response before one does. */
  capturesToFail: z.int().optional(),
  capturesToHide: z.int().optional(),
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

/** The entries by the key of their capture; a Map satisfies it. */
export interface Ledger {
  get(key: string): LedgerEntry | undefined;
  set(key: string, entry: LedgerEntry): unknown;
  entries(): Iterable<[string, LedgerEntry]>;
}

const FLAKY_FAILURES = 2;
/** Card issuers hold an authorised amount for about a week. */
const AUTHORISED_MS = 7 * 24 * 3_600_000;
const EMPTY = { refunds: [], failures: 0, refundsToFail: 0, silent: false };

/** A charge: its token decides the outcome. A repeated key keeps the first outcome. */
export function applyCharge(
  current: LedgerEntry | undefined,
  amount: Money,
  token: string,
): LedgerEntry {
  return decideByToken(current, amount, token, { state: 'captured' });
}

/** As applyCharge, for an authorisation. */
export function applyAuthorization(
  current: LedgerEntry | undefined,
  amount: Money,
  token: string,
  at: number,
): LedgerEntry {
  return decideByToken(current, amount, token, {
    state: 'authorised',
    expiresAt: at + AUTHORISED_MS,
  });
}

function decideByToken(
  current: LedgerEntry | undefined,
  amount: Money,
  token: string,
  granted: Pick<LedgerEntry, 'state' | 'expiresAt'>,
): LedgerEntry {
  if (current !== undefined && current.state !== 'failing') return current;
  const fresh = { ...EMPTY, amount };
  const failures = current?.failures ?? 0;
  switch (token) {
    case 'tok_ok':
      return { ...fresh, ...granted };
    case 'tok_timeout':
      return { ...fresh, ...granted, silent: true };
    case 'tok_undeliverable_refund_fails_once':
      return { ...fresh, ...granted, refundsToFail: 1 };
    case 'tok_capture_flaky':
      return { ...fresh, ...granted, capturesToFail: 2 };
    case 'tok_capture_timeout':
      return { ...fresh, ...granted, capturesToHide: 2 };
    case 'tok_capture_expired':
      return { ...fresh, ...granted, expiresAt: 0 };
    case 'tok_flaky':
      return failures < FLAKY_FAILURES
        ? { ...fresh, state: 'failing', failures: failures + 1 }
        : { ...fresh, ...granted, failures };
    case 'tok_declined':
      return { ...fresh, state: 'declined', reason: 'insufficient_funds' };
    default:
      return { ...fresh, state: 'declined', reason: 'invalid_token' };
  }
}

/** Captures an authorisation. `silent`: it is captured, and the request gets no response. */
export function applyCapture(
  current: LedgerEntry,
  at: number,
): [LedgerEntry, 'known' | 'failing' | 'silent'] {
  const { state, expiresAt = Infinity, capturesToFail = 0, capturesToHide = 0 } = current;
  if (state === 'captured' && capturesToHide > 0) {
    return [{ ...current, capturesToHide: capturesToHide - 1 }, 'silent'];
  }
  if (state !== 'authorised') return [current, 'known'];
  if (capturesToFail > 0) return [{ ...current, capturesToFail: capturesToFail - 1 }, 'failing'];
  if (at >= expiresAt) {
    return [{ ...current, state: 'expired', reason: 'authorisation_expired' }, 'known'];
  }
  return applyCapture({ ...current, state: 'captured' }, at);
}

/** Refunds a part of a capture, once for each key. */
export function applyRefund(
  current: LedgerEntry,
  key: string,
  amount: Money,
): [LedgerEntry, 'done' | 'refused' | 'failing'] {
  if (current.refunds.some((refund) => refund.key === key)) return [current, 'done'];
  const rest = remainingOf(current);
  if (rest?.currency !== amount.currency || compare(amount, rest) > 0) return [current, 'refused'];
  if (current.refundsToFail > 0)
    return [{ ...current, refundsToFail: current.refundsToFail - 1 }, 'failing'];
  return [{ ...current, refunds: [...current.refunds, { key, amount }] }, 'done'];
}

/** Refunds the rest of a capture, releases an authorisation, or blocks a charge that arrives later. */
export function applyVoid(current: LedgerEntry | undefined): LedgerEntry {
  if (current === undefined || current.state === 'failing' || current.state === 'authorised') {
    return { ...(current ?? EMPTY), state: 'voided' };
  }
  const rest = remainingOf(current);
  if (rest === undefined) return current;
  return { ...current, state: 'voided', ...(minor(rest) > 0n ? { released: rest } : {}) };
}

/** The amount of a capture that is not refunded; undefined if there is no capture. */
function remainingOf({ state, amount, refunds }: LedgerEntry): Money | undefined {
  if (state !== 'captured' || amount === undefined) return undefined;
  const refunded = refunds.reduce((sum, one) => add(sum, one.amount), ofMinor(0n, amount.currency));
  return subtract(amount, refunded);
}
