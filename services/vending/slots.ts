import { z } from 'zod';
import { refused } from '#kit/core/errors';
import { deterministicId } from '#kit/core/deterministic-id';
import { Money } from '#retail/money';

/** How many ended vends a machine remembers: as many as it sells in a busy day. */
const REMEMBERED = 256;

/** What is wrong with a slot of which nobody knows whether it has dispensed. */
export const SUSPECT = 'suspect';

/** A vend as a machine knows it: 48 bits of its id's hash, as they are read with each change. */
const VendKey = z.string().length(8).brand<'VendKey'>();

function keyOf(vendId: string): z.infer<typeof VendKey> {
  return VendKey.parse(deterministicId(vendId).slice(0, 8));
}

const Slot = z.object({
  /** As it stands on the machine. */
  slot: z.string(),
  productId: z.string(),
  capacity: z.int().positive(),
  quantity: z.int().nonnegative(),
  /** Absent: the shop's. */
  price: Money.optional(),
  /** The vends under way, each of which gets a piece of these or gives it up. */
  claimed: z.array(VendKey),
  fault: z.object({ code: z.string(), since: z.string() }).optional(),
});
export type Slot = z.infer<typeof Slot>;

/** A vend that has no claim any more, and what it came to here. */
const Ended = z.object({
  vend: VendKey,
  /** Why it never had one. */
  refusal: z.string().optional(),
  /** It took its pieces; so many of them were not there by the books. */
  missing: z.int().optional(),
});

/** Where a device's message stands among its others: see the contract of device.data.received. */
const Position = z.object({ boot: z.string(), seq: z.int(), at: z.string() });
export type Position = z.infer<typeof Position>;

/**
 * What is in a machine. It changes with every vend, so that nothing is done twice rests on what is
 * here, and not on the kit's marks.
 */
export const Machine = z.object({
  machineId: z.string(),
  shopId: z.string(),
  /** Of all its prices. */
  currency: z.string(),
  slots: z.array(Slot),
  /** The vends that ended last, the newest at the end. */
  ended: z.array(Ended).max(REMEMBERED),
  /** The newest report of its faults. */
  reported: Position.optional(),
  updatedAt: z.string(),
});
export type Machine = z.infer<typeof Machine>;

export interface Piece {
  vendId: string;
  slot: string;
  productId: string;
}

export function slotOf(machine: Machine, name: string): Slot | undefined {
  return machine.slots.find(({ slot }) => slot === name);
}

/** Pieces that nobody has a claim to. */
function free({ quantity, claimed }: Slot): number {
  return quantity - claimed.length;
}

type Planned = Pick<Slot, 'slot' | 'productId' | 'capacity' | 'price'>;

/** A machine with these slots and no others. */
export function planned(
  now: Machine | undefined,
  machine: Pick<Machine, 'machineId' | 'shopId' | 'currency'>,
  wanted: readonly Planned[],
  at: string,
): Machine {
  const slots = wanted.map((slot): Slot => {
    const known = now && slotOf(now, slot.slot);
    if (known?.productId !== slot.productId) return { ...slot, quantity: 0, claimed: [] };
    const { quantity, claimed, fault } = known;
    if (slot.capacity < quantity) {
      throw refused('slot_too_full', `slot ${slot.slot} has ${quantity} pieces in it`);
    }
    return { ...slot, quantity, claimed, ...(fault === undefined ? {} : { fault }) };
  });
  const gone = now?.slots.filter(({ claimed }) => claimed.length > 0) ?? [];
  for (const { slot, productId } of gone) {
    if (slots.some((one) => one.slot === slot && one.productId === productId)) continue;
    throw refused(
      'vend_under_way',
      `slot ${slot} is selling a piece: it can be changed after that`,
    );
  }
  const { ended = [], reported } = now ?? {};
  return {
    ...{ ...machine, slots, ended, updatedAt: at },
    ...(reported === undefined ? {} : { reported }),
  };
}

/** A slot that somebody has filled, emptied or repaired: it is as they left it, and sells again. */
export function restocked(
  machine: Machine,
  { slot: name, quantity }: { slot: string; quantity: number },
  at: string,
): Machine {
  return withSlot(machine, name, at, (slot) => {
    const { fault, ...rest } = slot;
    const now = slot.quantity + quantity;
    if (now > slot.capacity) {
      throw refused('slot_too_full', `slot ${name} has room for ${slot.capacity - slot.quantity}`);
    }
    if (now < slot.claimed.length) {
      throw refused('slot_too_empty', `only ${free(slot)} pieces of slot ${name} are free`);
    }
    return { ...rest, quantity: now };
  });
}

/** A machine as it is changed, and what that means for whoever has changed it. */
export interface Decided<O> {
  document: Machine;
  outcome: O;
}

/**
 * Claims a piece for a vend that is to begin. What is refused is refused for ever, and so is what was
 * given up: whoever asks again, gets what was answered first.
 */
export function claim(
  machine: Machine,
  { vendId, slot: name, productId }: Piece,
  hindrance: string | undefined,
  at: string,
): Decided<{ refusal?: string }> {
  const vend = keyOf(vendId);
  const slot = slotOf(machine, name);
  const ended = endOf(machine, vend);
  if (ended !== undefined) {
    return { document: machine, outcome: { refusal: ended.refusal ?? 'cancelled' } };
  }
  if (slot?.claimed.includes(vend)) return { document: machine, outcome: {} };
  const refusal = hindrance ?? hindranceIn(slot, productId);
  if (refusal !== undefined) {
    return { document: ending(machine, { vend, refusal }, at), outcome: { refusal } };
  }
  const claimed = (now: Slot) => ({ ...now, claimed: [...now.claimed, vend] });
  return { document: withSlot(machine, name, at, claimed), outcome: {} };
}

function hindranceIn(slot: Slot | undefined, productId: string): string | undefined {
  if (slot?.productId !== productId) return 'slot_changed';
  if (slot.fault !== undefined) return 'slot_faulty';
  return free(slot) > 0 ? undefined : 'out_of_stock';
}

/** Gives up the claim of a vend, or bars one that comes later. */
export function unclaimed(machine: Machine, vendId: string, at: string): Machine {
  const vend = keyOf(vendId);
  return endOf(machine, vend) === undefined ? ending(machine, { vend }, at) : machine;
}

/** Takes the pieces of a vend out of its slot, claimed or not; `missing` are those that were not in it. */
export function taken(
  machine: Machine,
  { vendId, slot: name, productId, quantity }: Piece & { quantity: number },
  at: string,
): Decided<{ missing: number }> {
  const vend = keyOf(vendId);
  const before = endOf(machine, vend)?.missing;
  if (before !== undefined) return { document: machine, outcome: { missing: before } };
  const slot = slotOf(machine, name);
  const there = slot?.productId === productId ? Math.min(slot.quantity, quantity) : 0;
  const missing = quantity - there;
  const now = ending(machine, { vend, missing }, at);
  if (slot?.productId !== productId) return { document: now, outcome: { missing } };
  const document = withSlot(now, name, at, ({ fault, ...rest }) => ({
    ...rest,
    quantity: rest.quantity - there,
    // what was suspected has come out
    ...(fault === undefined || fault.code === SUSPECT ? {} : { fault }),
  }));
  return { document, outcome: { missing } };
}

function endOf({ ended }: Machine, vend: string) {
  return ended.find((known) => known.vend === vend);
}

/** Without the claim of a vend, and with what it came to. */
function ending(machine: Machine, end: z.infer<typeof Ended>, at: string): Machine {
  const others = machine.ended.filter(({ vend }) => vend !== end.vend);
  const slots = machine.slots.map((slot) =>
    slot.claimed.includes(end.vend)
      ? { ...slot, claimed: slot.claimed.filter((vend) => vend !== end.vend) }
      : slot,
  );
  return { ...machine, slots, ended: [...others, end].slice(-REMEMBERED), updatedAt: at };
}

export function withSlot(
  machine: Machine,
  name: string,
  at: string,
  change: (slot: Slot) => Slot,
): Machine {
  const slots = machine.slots.map((slot) => (slot.slot === name ? change(slot) : slot));
  return { ...machine, slots, updatedAt: at };
}
