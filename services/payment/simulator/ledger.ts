import { z } from 'zod';
import { Money, add, compare, minor, ofMinor, subtract } from '#kit/money';

/** What the provider knows of one capture. */
export const LedgerEntry = z.object({
  state: z.enum(['failing', 'captured', 'declined', 'voided']),
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
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

/** Where the entries are kept, by the key of their capture: a Map does. */
export interface Ledger {
  get(key: string): LedgerEntry | undefined;
  set(key: string, entry: LedgerEntry): unknown;
  entries(): Iterable<[string, LedgerEntry]>;
}

const FLAKY_FAILURES = 2;
const EMPTY = { refunds: [], failures: 0, refundsToFail: 0, silent: false };

/** Takes money as the token tells. What is decided stays, whoever asks again and with whatever. */
export function captured(now: LedgerEntry | undefined, amount: Money, token: string): LedgerEntry {
  if (now !== undefined && now.state !== 'failing') return now;
  const fresh = { ...EMPTY, amount };
  const failures = now?.failures ?? 0;
  switch (token) {
    case 'tok_ok':
      return { ...fresh, state: 'captured' };
    case 'tok_timeout':
      return { ...fresh, state: 'captured', silent: true };
    case 'tok_undeliverable_refund_fails_once':
      return { ...fresh, state: 'captured', refundsToFail: 1 };
    case 'tok_flaky':
      return failures < FLAKY_FAILURES
        ? { ...fresh, state: 'failing', failures: failures + 1 }
        : { ...fresh, state: 'captured', failures };
    case 'tok_declined':
      return { ...fresh, state: 'declined', reason: 'insufficient_funds' };
    default:
      return { ...fresh, state: 'declined', reason: 'invalid_token' };
  }
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

/** Gives back what is left of a capture, or bars it where it has not come yet. */
export function voided(now: LedgerEntry | undefined): LedgerEntry {
  if (now === undefined || now.state === 'failing') return { ...(now ?? EMPTY), state: 'voided' };
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
