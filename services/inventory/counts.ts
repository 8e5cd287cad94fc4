import { z } from 'zod';
import { refused } from '#kit/core/errors';
import {
  type Decided,
  MOST_PIECES,
  type Outcome,
  type Stock,
  changed,
  isKnown,
  same,
} from './domain';
import {
  type MessageKey,
  type Moment,
  type Shelf,
  countedAt,
  isCounted,
  movedAfter,
  newShelf,
  onShelf,
  toldBy,
  withMove,
} from './shelf';

/** When a stock is made what was counted, where it is not what was expected. */
export const DriftPolicy = z.enum([
  /** At once, where it is off by no more than the tolerance. */
  'tolerance',
  /** When two counts in a row are off by the same. */
  'agreement',
  /** Never: it is reported, and somebody looks. */
  'report',
]);

export interface Policy {
  policy: z.infer<typeof DriftPolicy>;
  /** In pieces. */
  tolerance: number;
}

/** A message of a device about a stock. */
export interface Message extends Moment {
  deviceId: string;
  key: MessageKey;
}

/** Pieces came (positive) or went. */
export function move(stock: Stock, message: Message, change: number, now: number): Decided {
  return heard(stock, message, now, (shelf) =>
    isCounted(shelf, message) ? undefined : moved(stock, shelf, message, change),
  );
}

/** A device sold so many: what was not free to sell is missing from then on. */
export function sell(stock: Stock, message: Message, quantity: number, now: number): Decided {
  return heard(stock, message, now, (shelf) => {
    const { to, ...outcome }: Heard = isCounted(shelf, message)
      ? { to: { shelf } }
      : moved(stock, shelf, message, -quantity);
    const received = (to.received ?? stock.received) + quantity;
    checkPieces(received);
    return { to: { ...to, received, sold: stock.sold + quantity }, ...outcome };
  });
}

/** A device counted so many. What it is off by is told, and corrected where the policy says so. */
export function count(
  stock: Stock,
  message: Message,
  pieces: number,
  { policy, tolerance, doubtful }: Policy & { doubtful: boolean },
  now: number,
): Decided {
  checkPieces(pieces);
  return heard(stock, message, now, (shelf) => {
    if (isCounted(shelf, message)) return undefined;
    if (message.at < shelf.since) return { to: { shelf } };
    const expected = onShelf(stock) - movedAfter(shelf, message);
    const drift = pieces - expected;
    const counted = { compared: true } as const;
    if (drift === 0) return { to: { shelf: countedAt(shelf, message) }, ...counted };
    const believed =
      policy !== 'report' &&
      (doubtful || (policy === 'tolerance' ? Math.abs(drift) <= tolerance : shelf.drift === drift));
    const told = { drift: { expected, found: pieces, corrected: believed }, ...counted };
    if (!believed) return { to: { shelf: { ...shelf, drift } }, ...told };
    return { to: shifted(stock, countedAt(shelf, message), drift), ...told };
  });
}

interface Heard extends Pick<Outcome, 'drift' | 'compared'> {
  to: Partial<Stock> & { shelf: Shelf };
}

/** Decides on a message once; `undefined` where it changes nothing. */
function heard(
  stock: Stock,
  { deviceId, key }: Message,
  now: number,
  decide: (shelf: Shelf) => Heard | undefined,
): Decided {
  const shelf = stock.shelf ?? newShelf(isKnown(stock) ? now : 0);
  if (shelf.told.includes(key)) return same(stock, {});
  const decided = decide(shelf);
  if (decided === undefined) return same(stock, {});
  const { to, ...outcome } = decided;
  return changed(stock, { ...to, shelf: toldBy(to.shelf, deviceId, key) }, outcome);
}

function moved(stock: Stock, shelf: Shelf, { at, turn }: Moment, change: number): Heard {
  const to = shifted(stock, withMove(shelf, { at, turn, change }), change);
  const drift = { expected: stock.available, found: -change, corrected: false };
  return to.shelf.missing > shelf.missing ? { to, drift } : { to };
}

function shifted({ available, received }: Stock, shelf: Shelf, change: number) {
  const free = Math.max(change, -available);
  checkPieces(received + free);
  return {
    available: available + free,
    received: received + free,
    shelf: { ...shelf, missing: shelf.missing + free - change },
  };
}

function checkPieces(pieces: number): void {
  if (pieces > MOST_PIECES) {
    throw refused('too_many_pieces', `a stock holds at most ${MOST_PIECES} pieces`);
  }
}
