import { z } from 'zod';

// Which messages of a device were processed. The device numbers its messages from 1, separately for each
// kind, and starts again from 1 when it restarts (`boot`). A run is the messages of one kind and boot.

/** Runs that are stored for each kind: more than the starts of a device that iot-gateway accepts. */
const MAX_BOOTS = 20;
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
  /** Higher for a later start of the device. 0 in data of earlier releases. */
  start: z.int().default(0),
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
  /** The latest start of which a run is no longer stored; -1 if there is none. */
  forgottenStart: z.int().default(-1),
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
  start: number;
  seq: number;
  /** In milliseconds since the epoch, by the platform's clock as far as it can be determined. */
  at: number;
}

export function newDevice(deviceId: string, shopId: string): Device {
  return {
    deviceId,
    shopId,
    runs: [],
    products: [],
    doubtful: [],
    forgottenStart: -1,
    lost: false,
  };
}

/** Whether a message was not processed before. If that is uncertain, it counts as processed. */
export function isNewMessage({ runs, forgottenStart }: Device, position: MessagePosition): boolean {
  const run = runs.find((one) => isOf(one, position));
  if (run === undefined) return position.start > forgottenStart;
  return position.seq > run.upTo || run.gaps.some((gap) => isIn(gap, position.seq));
}

/** Times differ by less than this if a clock shows whole seconds, or if messages overtake each other. */
const INEXACT_MS = 2_000;

/**
 * Adjusts a message's time so that it agrees with its number. If its time is well before that of an earlier
 * message, the clock of the device was set back, and only the time of its arrival is known.
 */
export function alignTime(
  { runs }: Device,
  position: MessagePosition,
  now: number,
): MessagePosition {
  const run = runs.find((one) => isOf(one, position));
  if (run === undefined) return position;
  const gap = run.gaps.find((one) => isIn(one, position.seq));
  if (gap !== undefined) return { ...position, at: Math.min(position.at, gap.before - 1) };
  const wasSetBack = position.at < run.at - INEXACT_MS;
  return { ...position, at: Math.max(wasSetBack ? now : position.at, run.at + 1) };
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
  const { kind, boot, start } = position;
  const run = known ?? { kind, boot, start, upTo: 0, gaps: [], at: 0 };
  const { run: advanced, opened, lost } = advanceRun(run, position);
  const others = device.runs.filter((one) => one !== known);
  const { runs, dropped } = dropOldRuns([...others, advanced]);
  const products =
    productId === undefined ? device.products : appendProduct(device.products, productId);
  const recorded = {
    ...device,
    runs,
    products,
    forgottenStart: Math.max(device.forgottenStart, ...dropped.map((dropped) => dropped.start)),
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

function advanceRun(run: Run, { start, seq, at }: MessagePosition) {
  const latest = { ...run, start: Math.max(run.start, start), at: Math.max(run.at, at) };
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

/** Keeps the runs of each kind with the latest starts. */
function dropOldRuns(runs: readonly Run[]): { runs: Run[]; dropped: Run[] } {
  const newest = runs.toSorted((one, other) => other.start - one.start || other.at - one.at);
  const dropped = Kind.options.flatMap((kind) =>
    newest.filter((run) => run.kind === kind).slice(MAX_BOOTS),
  );
  return { runs: runs.filter((run) => !dropped.includes(run)), dropped };
}

function appendProduct(products: readonly string[], productId: string): string[] {
  if (products.includes(productId)) return [...products];
  return [...products, productId].slice(-MAX_PRODUCTS);
}
