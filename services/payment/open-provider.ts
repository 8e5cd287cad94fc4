import { type Provider, impatient } from './provider';
import type { Context } from './service';
import { simulator } from './simulator';

/** The provider that holds the money. Another one is another line here. */
export function openProvider({ ledger, clock }: Context): Provider {
  return impatient(simulator(ledger), clock);
}
