import type { Caller } from '#kit/caller';
import { Code, MicroserviceError } from '#kit/errors';
import { type Provider, impatient } from './provider';
import type { Context } from './service';
import { simulator } from './simulator';

/** Money is taken in the course of an order only, never at anyone's direct wish. */
export function onlyServices({ role }: Caller): void {
  if (role !== 'service') {
    throw new MicroserviceError('only a service may ask for this', Code.PERMISSION_DENIED);
  }
}

export function onlyAdminsAndServices({ role }: Caller): void {
  if (role !== 'service' && role !== 'admin') {
    throw new MicroserviceError('only an admin may ask for this', Code.PERMISSION_DENIED);
  }
}

export function providerOf({ ledger, clock }: Context): Provider {
  return impatient(simulator(ledger), clock);
}
