import { isoTime } from '#kit/core/clock';
import { invalid, notFound } from '#kit/core/errors';
import { requirePrecondition } from '#kit/core/precondition';
import { validate } from '#kit/core/validation';
import type { RestockRequest as RestockMessage } from '#proto/retail/vending/v1/vending_pb';
import type { Context } from '../definition';
import { findSlot, withRestock } from './machine';
import { shopOfManagedMachine } from './managed-device';
import { toMessage } from './queries';
import { RestockRequest } from './requests';

/** Adds pieces to a slot, or removes some, and clears its fault. */
export async function restock(request: RestockMessage, context: Context) {
  const { machines, clock, precondition } = context;
  const { machineId, ...pieces } = validate(RestockRequest, request);
  await shopOfManagedMachine(machineId, context);
  const at = isoTime(clock);
  const machine = await machines.update(machineId, (current) => {
    if (current === undefined) throw notFound('machine');
    requirePrecondition(precondition, current);
    if (findSlot(current, pieces.slot) === undefined) {
      throw invalid('slot', 'does not exist in this machine');
    }
    return withRestock(current, pieces, at);
  });
  return toMessage(machine);
}
