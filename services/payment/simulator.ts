import { z } from 'zod';
import type { Store } from '#kit/documents';
import { unavailable } from '#kit/errors';
import { Money, add, compare, minor, ofMinor, subtract } from '#kit/money';
import type { Provider } from './provider';

/** What the simulated provider knows of one capture. Like a real one's, it outlives this process. */
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
});
type LedgerEntry = z.infer<typeof LedgerEntry>;

const FLAKY_FAILURES = 2;
const EMPTY = { refunds: [], failures: 0, refundsToFail: 0 };

/** A provider in the provider's stead. What it does is told by the token. */
export function simulator(ledger: Store<LedgerEntry>): Provider {
  /**
   * A provider knows nothing of causes: each asking is a new one. So a change that the documents
   * take for made, as the same work made one before, is made all the same.
   */
  const ask = async <A>(key: string, act: (now?: LedgerEntry) => [LedgerEntry, A]): Promise<A> => {
    for (;;) {
      const answers: [A][] = [];
      await ledger.update(key, (now) => {
        const [next, answer] = act(now);
        answers.push([answer]);
        return next;
      });
      const last = answers.at(-1);
      if (last !== undefined) return last[0];
    }
  };

  return {
    name: 'simulator',

    async capture(key, amount, token) {
      const entry = await ask(key, (now) => {
        const next = captured(now, amount, token);
        return [next, next];
      });
      const { state, reason } = entry;
      if (state === 'failing') throw unavailable('the payment provider is not available');
      if (state === 'captured' && token === 'tok_timeout') return new Promise(() => {});
      return { status: state, ...(reason === undefined ? {} : { reason }) };
    },

    async refund(key, capturedKey, amount) {
      const answer = await ask(capturedKey, (now = { ...EMPTY, state: 'voided' }) => {
        if (now.refunds.some((refund) => refund.key === key)) return [now, 'done' as const];
        const rest = restOf(now);
        if (rest === undefined || compare(amount, rest) > 0) return [now, 'refused' as const];
        if (now.refundsToFail > 0) {
          return [{ ...now, refundsToFail: now.refundsToFail - 1 }, 'failing' as const];
        }
        return [{ ...now, refunds: [...now.refunds, { key, amount }] }, 'done' as const];
      });
      if (answer === 'failing') throw unavailable('the payment provider is not available');
      return answer;
    },

    async void(key) {
      const entry = await ask(key, (now) => {
        const next = voided(now);
        return [next, next];
      });
      return { released: entry.released };
    },
  };
}

function captured(now: LedgerEntry | undefined, amount: Money, token: string): LedgerEntry {
  if (now !== undefined && now.state !== 'failing') return now;
  const fresh = { ...EMPTY, amount };
  const failures = now?.failures ?? 0;
  switch (token) {
    case 'tok_ok':
    case 'tok_timeout':
      return { ...fresh, state: 'captured' };
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

function voided(now: LedgerEntry | undefined): LedgerEntry {
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
