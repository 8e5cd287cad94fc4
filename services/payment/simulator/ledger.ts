import { z } from 'zod';
import { Money, add, compare, minor, ofMinor, subtract } from '#retail/money';

/** What the provider knows of one capture, or of one authorisation and its capture. */
export const LedgerEntry = z.object({
  state: z.enum(['failing', 'authorised', 'captured', 'declined', 'voided', 'expired']),
  amount: Money.optional(),
  reason: z.string().optional(),
  refunds: z.array(z.object({ key: z.string(), amount: Money })),
  /** What was left and given back when it was voided. */
  released: Money.optional(),
  failures: z.int(),
  /** How many refunds fail before one works. */
  refundsToFail: z.int(),
  /** Whether whoever asks for it hears nothing. */
  silent: z.boolean(),
  /** Of an authorisation: until when it can be captured, in milliseconds since the epoch. */
  expiresAt: z.number().optional(),
  /** How often its capture fails before it works, and how often it is not answered before it is. */
  capturesToFail: z.int().optional(),
  capturesToHide: z.int().optional(),
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

/** Where the entries are kept, by the key of their capture: a Map does. */
export interface Ledger {
  get(key: string): LedgerEntry | undefined;
  set(key: string, entry: LedgerEntry): unknown;
  entries(): Iterable<[string, LedgerEntry]>;
}

const FLAKY_FAILURES = 2;
/** A card's issuer keeps money ready for about a week. */
const AUTHORISED_MS = 7 * 24 * 3_600_000;
const EMPTY = { refunds: [], failures: 0, refundsToFail: 0, silent: false };

/** Takes money as the token tells. What is decided stays, whoever asks again and with whatever. */
export function captured(now: LedgerEntry | undefined, amount: Money, token: string): LedgerEntry {
  return decided(now, amount, token, { state: 'captured' });
}

/** The same for money that is only kept ready. */
export function authorised(
  now: LedgerEntry | undefined,
  amount: Money,
  token: string,
  at: number,
): LedgerEntry {
  return decided(now, amount, token, { state: 'authorised', expiresAt: at + AUTHORISED_MS });
}

function decided(
  now: LedgerEntry | undefined,
  amount: Money,
  token: string,
  granted: Pick<LedgerEntry, 'state' | 'expiresAt'>,
): LedgerEntry {
  if (now !== undefined && now.state !== 'failing') return now;
  const fresh = { ...EMPTY, amount };
  const failures = now?.failures ?? 0;
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

/** Captures what is authorised; what is silent has been captured, and does not say so. */
export function capturedLater(
  now: LedgerEntry,
  at: number,
): [LedgerEntry, 'known' | 'failing' | 'silent'] {
  const { state, expiresAt = Infinity, capturesToFail = 0, capturesToHide = 0 } = now;
  if (state === 'captured' && capturesToHide > 0) {
    return [{ ...now, capturesToHide: capturesToHide - 1 }, 'silent'];
  }
  if (state !== 'authorised') return [now, 'known'];
  if (capturesToFail > 0) return [{ ...now, capturesToFail: capturesToFail - 1 }, 'failing'];
  if (at >= expiresAt) {
    return [{ ...now, state: 'expired', reason: 'authorisation_expired' }, 'known'];
  }
  return capturedLater({ ...now, state: 'captured' }, at);
}

/** Gives back a part of a capture, once for a key. */
export function refunded(
  now: LedgerEntry,
  key: string,
  amount: Money,
): [LedgerEntry, 'done' | 'refused' | 'failing'] {
  if (now.refunds.some((refund) => refund.key === key)) return [now, 'done'];
  const rest = restOf(now);
  if (rest?.currency !== amount.currency || compare(amount, rest) > 0) return [now, 'refused'];
  if (now.refundsToFail > 0) return [{ ...now, refundsToFail: now.refundsToFail - 1 }, 'failing'];
  return [{ ...now, refunds: [...now.refunds, { key, amount }] }, 'done'];
}

/** Gives back what is left of a capture, gives up an authorisation, or bars what has not come yet. */
export function voided(now: LedgerEntry | undefined): LedgerEntry {
  if (now === undefined || now.state === 'failing' || now.state === 'authorised') {
    return { ...(now ?? EMPTY), state: 'voided' };
  }
  const rest = restOf(now);
  if (rest === undefined) return now;
  return { ...now, state: 'voided', ...(minor(rest) > 0n ? { released: rest } : {}) };
}

/** What is left of a capture; undefined where there is none. */
function restOf({ state, amount, refunds }: LedgerEntry): Money | undefined {
  if (state !== 'captured' || amount === undefined) return undefined;
  const given = refunds.reduce((sum, one) => add(sum, one.amount), ofMinor(0n, amount.currency));
  return subtract(amount, given);
}
