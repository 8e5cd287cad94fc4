import { isAfter } from '#kit/core/timestamps';
import {
  type Machine,
  type MachineDecision,
  type Position,
  SUSPECT_FAULT,
  findSlot,
  withSlot,
} from './machine';

/**
 * Marks a slot as faulty, so that it sells nothing. `isNew` is true if the slot had no fault, or only
 * the suspicion of one; a known fault is kept.
 */
export function markFaulty(
  machine: Machine,
  name: string,
  code: string,
  at: string,
): MachineDecision<{ isNew: boolean }> {
  const slot = findSlot(machine, name);
  const known = slot?.fault?.code;
  if (slot === undefined || known === code || (known !== undefined && known !== SUSPECT_FAULT)) {
    return { document: machine, outcome: { isNew: false } };
  }
  const document = withSlot(machine, name, at, (found) => ({
    ...found,
    fault: { code, since: at },
  }));
  return { document, outcome: { isNew: true } };
}

/**
 * Applies a machine's report of all its current faults. It clears every other fault, unless that was
 * found after the report was made. A report older than one that was applied changes nothing. The
 * outcome is the list of new faults.
 */
export function applyFaultReport(
  machine: Machine,
  faults: readonly { code: string; slot?: string | undefined }[],
  position: Position,
): MachineDecision<{ slot: string; productId: string; fault: string }[]> {
  if (!isNewer(position, machine.reported)) return { document: machine, outcome: [] };
  const newFaults: { slot: string; productId: string; fault: string }[] = [];
  const slots = machine.slots.map(({ fault, ...slot }) => {
    const code = faults.find((reported) => reported.slot === slot.slot)?.code;
    if (code === undefined)
      return fault === undefined || !isAfter(fault.since, position.at) ? slot : { ...slot, fault };
    if (code === fault?.code) return { ...slot, fault };
    newFaults.push({ slot: slot.slot, productId: slot.productId, fault: code });
    return { ...slot, fault: { code, since: position.at } };
  });
  return { document: { ...machine, slots, reported: position }, outcome: newFaults };
}

/** A report of another start is newer unless that start is known to be an earlier one. */
function isNewer({ boot, start = 0, seq }: Position, known: Position | undefined): boolean {
  if (known === undefined) return true;
  return boot === known.boot ? seq > known.seq : start >= (known.start ?? 0);
}
