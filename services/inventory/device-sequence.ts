import { z } from 'zod';

// Which messages of a device were processed. The device numbers its messages from 1, separately for each
// kind, and starts again from 1 when it restarts (`boot`). A run is the messages of one kind and boot.

/** Runs that are stored for each kind. */
const MAX_BOOTS = 4;
/** Gaps that are stored for each run: late messages can still fill them. */
const MAX_GAPS = 16;
const MAX_PRODUCTS = 500;

const Kind = z.enum(['stock', 'sale']);

/** Numbers that have not arrived; `before` is the time of the message after them. */
const Gap = z.object({ from: z.int(), to: z.int(), before: z.int() });
type Gap = z.infer<typeof Gap>;

/** All numbers up to `upTo` have arrived, except those in the gaps. */
const Run = z.object({
  kind: Kind,
  boot: z.string(),
  upTo: z.int(),
  gaps: z.array(Gap).max(MAX_GAPS),
  /** The latest time of its messages, in milliseconds since the epoch. */
  at: z.int(),
});
type Run = z.infer<typeof Run>;

export const Device = z.object({
  deviceId: z.string(),
  shopId: z.string(),
  runs: z.array(Run),
  /** The milliseconds by which its clock is slow, at most: the delay of its fastest message. */
  slow: z.int().optional(),
  /** The latest time of a message in a run that is no longer stored. */
  forgottenAt: z.int(),
  /** A gap is no longer stored: its late messages could not be told from duplicates, so they are lost. */
  lost: z.boolean(),
  /** The products that it reported on last, the newest at the end. */
  products: z.array(z.string()).max(MAX_PRODUCTS),
  /** Those of which a report may be missing since their last count. */
  doubtful: z.array(z.string()).max(MAX_PRODUCTS),
});
export type Device = z.infer<typeof Device>;

export interface MessagePosition {
  kind: z.infer<typeof Kind>;
  boot: string;
  seq: number;
  /** In milliseconds since the epoch, by the platform's clock as far as it can be determined. */
  at: number;
  slow: number;
}

/**
 * Converts a device's time to the platform's, for a message that arrives now. A message cannot come
 * from the future. If even the fastest message of a device took long, its clock is slow.
 */
export function toPlatformTime({ slow: known }: Device, at: number, now: number) {
  const slow = Math.max(0, Math.min(known ?? Infinity, now - at));
  return { at: Math.min(at + slow, now), slow };
}

export function newDevice(deviceId: string, shopId: string): Device {
  return {
    deviceId,
    shopId,
    runs: [],
    products: [],
    doubtful: [],
    forgottenAt: 0,
    lost: false,
  };
}

/** Whether a message was not processed before. If that is uncertain, it counts as processed. */
export function isNewMessage({ runs, forgottenAt }: Device, position: MessagePosition): boolean {
  const run = runs.find((one) => isOf(one, position));
  if (run === undefined) return position.at > forgottenAt;
  return position.seq > run.upTo || run.gaps.some((gap) => isIn(gap, position.seq));
}

/**
 * Adjusts a message's time so that it agrees with its number. A device's clock may be changed, and for
 * a clock that is fast only the arrival times of its messages are known.
 */
export function alignTime({ runs }: Device, position: MessagePosition): MessagePosition {
  const run = runs.find((one) => isOf(one, position));
  if (run === undefined) return position;
  const gap = run.gaps.find((one) => isIn(one, position.seq));
  const at = gap ? Math.min(position.at, gap.before - 1) : Math.max(position.at, run.at + 1);
  return { ...position, at };
}

/**
 * Records that a message was processed. A new gap makes all products of the device doubtful, until the
 * device counts them or the missing messages arrive.
 */
export function recordMessage(
  device: Device,
  position: MessagePosition,
  productId?: string,
): Device {
  if (!isNewMessage(device, position)) return device;
  const known = device.runs.find((one) => isOf(one, position));
  const { kind, boot } = position;
  const run = known ?? { kind, boot, upTo: 0, gaps: [], at: 0 };
  const { run: advanced, opened, lost } = advanceRun(run, position);
  const others = device.runs.filter((one) => one !== known);
  const { runs, dropped } = dropOldRuns([...others, advanced]);
  const products =
    productId === undefined ? device.products : appendProduct(device.products, productId);
  const recorded = {
    ...device,
    runs,
    products,
    slow: position.slow,
    forgottenAt: Math.max(device.forgottenAt, ...dropped.map(({ at }) => at)),
    lost: device.lost || lost || dropped.some(({ gaps }) => gaps.length > 0),
  };
  if (opened) return { ...recorded, doubtful: products };
  const isComplete = !recorded.lost && runs.every(({ gaps }) => gaps.length === 0);
  const closedGap = known !== undefined && known.gaps.length > 0;
  return isComplete && closedGap ? { ...recorded, doubtful: [] } : recorded;
}

/**
 * Removes the doubt about a product after a count of it was compared with the stock. The count includes
 * what the missing messages would have reported, if all of them are older than the count.
 */
export function clearDoubt(device: Device, position: MessagePosition, productId: string): Device {
  const isBefore = (run: Run) =>
    isOf(run, position) ? run.gaps.every(({ to }) => to < position.seq) : run.at <= position.at;
  const withGaps = device.runs.filter(({ gaps }) => gaps.length > 0);
  if (!device.doubtful.includes(productId) || !withGaps.every(isBefore)) return device;
  const doubtful = device.doubtful.filter((one) => one !== productId);
  return { ...device, doubtful, lost: device.lost && doubtful.length > 0 };
}

/** The device in this shop. If it was moved, it no longer reports on the products of the other shop. */
export function inShop(device: Device, shopId: string): Device {
  return device.shopId === shopId ? device : { ...device, shopId, products: [], doubtful: [] };
}

const isOf = (run: Run, { kind, boot }: MessagePosition) => run.kind === kind && run.boot === boot;
const isIn = ({ from, to }: Gap, seq: number) => from <= seq && seq <= to;

function advanceRun(run: Run, { seq, at }: MessagePosition) {
  const latest = { ...run, at: Math.max(run.at, at) };
  if (seq <= run.upTo) {
    const gaps = run.gaps.flatMap((gap) => (isIn(gap, seq) ? splitGap(gap, seq, at) : [gap]));
    const filled = { ...latest, gaps: gaps.slice(-MAX_GAPS) };
    return { run: filled, opened: false, lost: gaps.length > MAX_GAPS };
  }
  const opened = seq > run.upTo + 1;
  const gap = { from: run.upTo + 1, to: seq - 1, before: at };
  const gaps = opened ? [...run.gaps, gap] : run.gaps;
  const advanced = { ...latest, upTo: seq, gaps: gaps.slice(-MAX_GAPS) };
  return { run: advanced, opened, lost: gaps.length > MAX_GAPS };
}

/** The rest of a gap after one of its numbers arrived. */
function splitGap({ from, to, before }: Gap, seq: number, at: number): Gap[] {
  const parts = [
    { from, to: seq - 1, before: Math.min(before, at) },
    { from: seq + 1, to, before },
  ];
  return parts.filter((part) => part.from <= part.to);
}

/** Keeps the newest runs of each kind. */
function dropOldRuns(runs: readonly Run[]): { runs: Run[]; dropped: Run[] } {
  const newest = runs.toSorted((one, other) => other.at - one.at);
  const dropped = Kind.options.flatMap((kind) =>
    newest.filter((run) => run.kind === kind).slice(MAX_BOOTS),
  );
  return { runs: runs.filter((run) => !dropped.includes(run)), dropped };
}

function appendProduct(products: readonly string[], productId: string): string[] {
  if (products.includes(productId)) return [...products];
  return [...products, productId].slice(-MAX_PRODUCTS);
}
