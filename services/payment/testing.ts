import { FakeClock } from '#kit/testing/fake-clock';
import { testbed } from '#kit/testing/testbed';
import { PROVIDER } from './provider';
import { payment } from './service';
import type { LedgerEntry } from './simulator/ledger';
import { SimulatedProvider } from './simulator/provider';

const ledgers = new WeakMap<object, Map<string, LedgerEntry>>();

/** The service with its own simulated provider. */
export function bed() {
  const ledger = new Map<string, LedgerEntry>();
  const clock = new FakeClock();
  const provider = new SimulatedProvider(ledger, clock);
  const on = testbed(payment, {
    clock,
    endpoints: { [PROVIDER]: (request) => provider.answer(request) },
  });
  ledgers.set(on, ledger);
  return on;
}
export type Bed = ReturnType<typeof bed>;

/** The ledger of a testbed's provider, by key of the capture. */
export function ledgerOf(on: Bed): ReadonlyMap<string, LedgerEntry> {
  return ledgers.get(on) ?? new Map<string, LedgerEntry>();
}
