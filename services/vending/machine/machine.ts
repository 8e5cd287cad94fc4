import { z } from 'zod';
import { refused } from '#kit/core/errors';
import { deterministicId } from '#kit/core/deterministic-id';
import { Money } from '#retail/money';

/** How many ended vends a machine keeps: about the sales of a busy day. */
const MAX_ENDED_VENDS = 256;

/** The fault of a slot that may have dispensed: its machine did not answer a command. */
export const SUSPECT_FAULT = 'suspect';

/** Identifies a vend in its machine: 48 bits of the id's hash, as every change reads all of them. */
const VendKey = z.string().length(8).brand<'VendKey'>();

function vendKeyOf(vendId: string): z.infer<typeof VendKey> {
  return VendKey.parse(deterministicId(vendId).slice(0, 8));
}

const Slot = z.object({
  /** The label on the machine. */
  slot: z.string(),
  productId: z.string(),
  capacity: z.int().positive(),
  quantity: z.int().nonnegative(),
  /** Absent if the shop's price applies. */
  price: Money.optional(),
  /** The running vends; each has a claim to one of the pieces. */
  claimed: z.array(VendKey),
  fault: z.object({ code: z.string(), since: z.string() }).optional(),
});
export type Slot = z.infer<typeof Slot>;

/** A vend that no longer has a claim. */
const EndedVend = z.object({
  vend: VendKey,
  /** Why its claim was refused; absent if it was not. */
  refusal: z.string().optional(),
  /** Set if its pieces were removed: how many of them the slot's quantity did not cover. */
  missing: z.int().optional(),
});

/** The position of a message among those of its device: see the contract of device.data.received. */
const Position = z.object({
  boot: z.string(),
  start: z.int().optional(),
  seq: z.int(),
  at: z.string(),
});
export type Position = z.infer<typeof Position>;

/**
 * The content of a vending machine. It changes with every vend, so its changes are idempotent by its
 * own data (`claimed`, `ended`, `reported`) instead of inbox entries.
 */
export const Machine = z.object({
  machineId: z.string(),
  shopId: z.string(),
  /** The currency of all its prices. */
  currency: z.string(),
  slots: z.array(Slot),
  /** The vends that ended last, the newest at the end. */
  ended: z.array(EndedVend).max(MAX_ENDED_VENDS),
  /** Position of the newest fault report. */
  reported: Position.optional(),
  updatedAt: z.string(),
});
export type Machine = z.infer<typeof Machine>;

/** A piece of a product in a slot, and the vend that it is for. */
export interface Piece {
  vendId: string;
  slot: string;
  productId: string;
}

export function findSlot(machine: Machine, name: string): Slot | undefined {
  return machine.slots.find(({ slot }) => slot === name);
}

/** The number of pieces without a claim. */
function freePieces({ quantity, claimed }: Slot): number {
  return quantity - claimed.length;
}

type PlannedSlot = Pick<Slot, 'slot' | 'productId' | 'capacity' | 'price'>;

/**
 * The machine with these slots and no others. A slot that keeps its product keeps its pieces, claims and
 * fault. Refuses to change a slot with a claim, and a capacity below the number of pieces.
 */
export function withPlanogram(
  current: Machine | undefined,
  machine: Pick<Machine, 'machineId' | 'shopId' | 'currency'>,
  plannedSlots: readonly PlannedSlot[],
  at: string,
): Machine {
  const slots = plannedSlots.map((planned): Slot => {
    const known = current && findSlot(current, planned.slot);
    if (known?.productId !== planned.productId) return { ...planned, quantity: 0, claimed: [] };
    const { quantity, claimed, fault } = known;
    if (planned.capacity < quantity) {
      throw refused('slot_too_full', `slot ${planned.slot} contains ${quantity} pieces`);
    }
    return { ...planned, quantity, claimed, ...(fault === undefined ? {} : { fault }) };
  });
  const claimedSlots = current?.slots.filter(({ claimed }) => claimed.length > 0) ?? [];
  for (const { slot, productId } of claimedSlots) {
    if (slots.some((one) => one.slot === slot && one.productId === productId)) continue;
    throw refused(
      'vend_under_way',
      `slot ${slot} is selling a piece; change the slot after the sale has ended`,
    );
  }
  const { ended = [], reported } = current ?? {};
  return {
    ...machine,
    slots,
    ended,
    updatedAt: at,
    ...(reported === undefined ? {} : { reported }),
  };
}

/**
 * The machine after an operator added pieces to a slot (or removed some: a negative quantity). The
 * operator has seen the slot, so this clears its fault.
 */
export function withRestock(
  machine: Machine,
  { slot: name, quantity }: { slot: string; quantity: number },
  at: string,
): Machine {
  return withSlot(machine, name, at, (slot) => {
    const { fault, ...rest } = slot;
    const total = slot.quantity + quantity;
    if (total > slot.capacity) {
      const room = slot.capacity - slot.quantity;
      throw refused('slot_too_full', `slot ${name} has room for only ${room} more`);
    }
    if (total < slot.claimed.length) {
      const free = freePieces(slot);
      throw refused('slot_too_empty', `only ${free} pieces of slot ${name} are free`);
    }
    return { ...rest, quantity: total };
  });
}

/** The changed machine, and the outcome of the change for its caller. */
export interface MachineDecision<O> {
  document: Machine;
  outcome: O;
}

/**
 * Claims a piece for a vend. A refusal is final, and so is a released claim: a repeated call returns the
 * first answer. `blockReason` is a reason outside of the machine's data, such as `machine_offline`.
 */
export function claimPiece(
  machine: Machine,
  { vendId, slot: name, productId }: Piece,
  blockReason: string | undefined,
  at: string,
): MachineDecision<{ refusal?: string }> {
  const vend = vendKeyOf(vendId);
  const slot = findSlot(machine, name);
  const ended = findEndedVend(machine, vend);
  if (ended !== undefined) {
    return { document: machine, outcome: { refusal: ended.refusal ?? 'cancelled' } };
  }
  if (slot?.claimed.includes(vend)) return { document: machine, outcome: {} };
  const refusal = blockReason ?? slotBlockReason(slot, productId);
  if (refusal !== undefined) {
    return { document: withEndedVend(machine, { vend, refusal }, at), outcome: { refusal } };
  }
  const addClaim = (claimable: Slot) => ({ ...claimable, claimed: [...claimable.claimed, vend] });
  return { document: withSlot(machine, name, at, addClaim), outcome: {} };
}

function slotBlockReason(slot: Slot | undefined, productId: string): string | undefined {
  if (slot?.productId !== productId) return 'slot_changed';
  if (slot.fault !== undefined) return 'slot_faulty';
  return freePieces(slot) > 0 ? undefined : 'out_of_stock';
}

/** Releases the claim of a vend, and blocks a claim that arrives later. */
export function releaseClaim(machine: Machine, vendId: string, at: string): Machine {
  const vend = vendKeyOf(vendId);
  return findEndedVend(machine, vend) === undefined
    ? withEndedVend(machine, { vend }, at)
    : machine;
}

/**
 * Removes the pieces of a vend from its slot, whether it had a claim or not. `missing` counts the
 * pieces that the slot's quantity did not cover.
 */
export function removePieces(
  machine: Machine,
  { vendId, slot: name, productId, quantity }: Piece & { quantity: number },
  at: string,
): MachineDecision<{ missing: number }> {
  const vend = vendKeyOf(vendId);
  const earlier = findEndedVend(machine, vend)?.missing;
  if (earlier !== undefined) return { document: machine, outcome: { missing: earlier } };
  const slot = findSlot(machine, name);
  const available = slot?.productId === productId ? Math.min(slot.quantity, quantity) : 0;
  const missing = quantity - available;
  const withoutClaim = withEndedVend(machine, { vend, missing }, at);
  if (slot?.productId !== productId) return { document: withoutClaim, outcome: { missing } };
  const document = withSlot(withoutClaim, name, at, ({ fault, ...rest }) => ({
    ...rest,
    quantity: rest.quantity - available,
    // the slot was suspect because this piece might not have come out
    ...(fault === undefined || fault.code === SUSPECT_FAULT ? {} : { fault }),
  }));
  return { document, outcome: { missing } };
}

function findEndedVend({ ended }: Machine, vend: string) {
  return ended.find((known) => known.vend === vend);
}

/** Removes the claim of a vend and records its end. */
function withEndedVend(machine: Machine, end: z.infer<typeof EndedVend>, at: string): Machine {
  const others = machine.ended.filter(({ vend }) => vend !== end.vend);
  const slots = machine.slots.map((slot) =>
    slot.claimed.includes(end.vend)
      ? { ...slot, claimed: slot.claimed.filter((vend) => vend !== end.vend) }
      : slot,
  );
  return { ...machine, slots, ended: [...others, end].slice(-MAX_ENDED_VENDS), updatedAt: at };
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
