import { type Decided, type Machine, type Position, SUSPECT, slotOf, withSlot } from './slots';

/** A slot that sells nothing more; told as outcome where that is new, or now known better. */
export function faulted(
  machine: Machine,
  name: string,
  code: string,
  at: string,
): Decided<{ isNew: boolean }> {
  const slot = slotOf(machine, name);
  const known = slot?.fault?.code;
  if (slot === undefined || known === code || (known !== undefined && known !== SUSPECT)) {
    return { document: machine, outcome: { isNew: false } };
  }
  const document = withSlot(machine, name, at, (now) => ({ ...now, fault: { code, since: at } }));
  return { document, outcome: { isNew: true } };
}

/**
 * What a machine tells is wrong with its slots now: all else is well, as far as that was known when it
 * told. An older report than one that was heard changes nothing.
 */
export function reported(
  machine: Machine,
  faults: readonly { code: string; slot?: string | undefined }[],
  position: Position,
): Decided<{ slot: string; productId: string; fault: string }[]> {
  if (!isNewer(position, machine.reported)) return { document: machine, outcome: [] };
  const news: { slot: string; productId: string; fault: string }[] = [];
  const slots = machine.slots.map(({ fault, ...slot }) => {
    const code = faults.find((told) => told.slot === slot.slot)?.code;
    if (code === undefined)
      return fault === undefined || fault.since <= position.at ? slot : { ...slot, fault };
    if (code === fault?.code) return { ...slot, fault };
    news.push({ slot: slot.slot, productId: slot.productId, fault: code });
    return { ...slot, fault: { code, since: position.at } };
  });
  return { document: { ...machine, slots, reported: position }, outcome: news };
}

function isNewer({ boot, seq, at }: Position, known: Position | undefined): boolean {
  if (known === undefined) return true;
  return boot === known.boot ? seq > known.seq : at > known.at;
}
