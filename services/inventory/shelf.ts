import { z } from 'zod';
import { deterministicId } from '#kit/core/deterministic-id';

// What a stock remembers where devices tell of it. All times in milliseconds since the epoch.

/** Moves that are remembered: as many as may come between a count and its arrival. */
export const MOST_MOVES = 64;
/** Messages that are remembered: as many as may come between one and its second delivery. */
export const MOST_TOLD = 128;
const MOST_DEVICES = 8;

/** A message of a device as a stock knows it: 48 bits of its hash, as orders are. */
const MessageKey = z.string().length(8).brand<'MessageKey'>();
export type MessageKey = z.infer<typeof MessageKey>;

export function messageKeyOf(...parts: readonly (string | number)[]): MessageKey {
  return MessageKey.parse(deterministicId(...parts).slice(0, 8));
}

/** Where a device's message stands: two of one run come in the order of their numbers. */
const Turn = z.object({ run: MessageKey, seq: z.int() });

/** When something was so, and by which message of a device it is known. */
const Moment = z.object({ at: z.int(), turn: Turn.optional() });
export type Moment = z.infer<typeof Moment>;

/** So many pieces came onto the shelf (positive) or left it. */
const Move = Moment.extend({ change: z.int() });
type Move = z.infer<typeof Move>;

export const Shelf = z.object({
  devices: z.array(z.string()).max(MOST_DEVICES),
  /** So many pieces more have gone than there were free ones: the next that are free pay for them. */
  missing: z.int().min(0),
  /** The moment of the last count that was believed: what happened until then is in it. */
  countedAt: z.int(),
  /** The message that told of that count. */
  countedBy: Turn.optional(),
  /** All moves after this moment are known. */
  since: z.int(),
  moves: z.array(Move).max(MOST_MOVES),
  /** The messages that changed the stock last, the newest at the end. */
  told: z.array(MessageKey).max(MOST_TOLD),
  /** What the last count was off by, while it is not believed. */
  drift: z.int().optional(),
});
export type Shelf = z.infer<typeof Shelf>;

/** Where nobody had anything of the product before, all moves are known from the beginning. */
export function newShelf(since: number): Shelf {
  return { devices: [], missing: 0, countedAt: 0, since, moves: [], told: [] };
}

interface Counters {
  available: number;
  reserved: number;
  received: number;
  shelf?: Shelf | undefined;
}

/**
 * What lies there, as far as the stock knows: what is reserved does, until it is taken for good. It
 * is the sum of all that came and went, in whatever order that was told, so it may be below zero
 * while something that came is still to be told.
 */
export function onShelf({ available, reserved, shelf }: Counters): number {
  return available + reserved - (shelf?.missing ?? 0);
}

/** The stock, with what is missing paid out of what is free. */
export function squared<S extends Counters>(stock: S): S {
  const { available, received, shelf } = stock;
  if (shelf === undefined || shelf.missing === 0) return stock;
  const paid = Math.min(shelf.missing, available);
  return {
    ...stock,
    available: available - paid,
    received: received - paid,
    shelf: { ...shelf, missing: shelf.missing - paid },
  };
}

/** The shelf, with this move remembered; the oldest are forgotten. */
export function withMove(shelf: Shelf, move: Move): Shelf {
  if (move.change === 0 || move.at <= shelf.since) return shelf;
  const moves = [...shelf.moves, move];
  if (moves.length <= MOST_MOVES) return { ...shelf, moves };
  const forgotten = Math.min(...moves.map(({ at }) => at));
  return { ...shelf, since: forgotten, moves: moves.filter(({ at }) => at > forgotten) };
}

/** The shelf once a count of this moment is believed. */
export function countedAt({ drift: _, ...shelf }: Shelf, count: Moment): Shelf {
  const moves = shelf.moves.filter((move) => isAfter(move, count));
  const at = Math.max(count.at, shelf.countedAt);
  return { ...shelf, countedAt: at, countedBy: count.turn, since: at, moves };
}

/** Whether a count that was believed has seen what was so at this moment. */
export function isCounted({ countedAt: at, countedBy: turn }: Shelf, moment: Moment): boolean {
  return !isAfter(moment, { at, turn });
}

/** What came onto the shelf after this moment, less what left it. */
export function movedAfter({ moves }: Shelf, moment: Moment): number {
  return moves.reduce((sum, move) => (isAfter(move, moment) ? sum + move.change : sum), 0);
}

/**
 * Whether the one was after the other. Messages that are taken at the same time, such as those of a
 * backlog, do not know of each other: of what one clock told, only the numbers are certain.
 */
function isAfter(one: Moment, other: Moment): boolean {
  if (one.turn !== undefined && one.turn.run === other.turn?.run) {
    return one.turn.seq > other.turn.seq;
  }
  return one.at > other.at;
}

export function toldBy(shelf: Shelf, deviceId: string, message: MessageKey): Shelf {
  const devices = shelf.devices.filter((known) => known !== deviceId);
  return {
    ...shelf,
    devices: [...devices, deviceId].slice(-MOST_DEVICES),
    told: [...shelf.told, message].slice(-MOST_TOLD),
  };
}
