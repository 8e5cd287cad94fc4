import { z } from 'zod';

// Which of a device's messages were taken. Their numbers count up by one from 1, for each kind on
// its own, and begin anew with each start of the device (`boot`).

/** Starts of a device that are told apart, of each kind of message. */
const MOST_BOOTS = 4;
/** Gaps that are remembered: as many may still be filled by what comes late. */
const MOST_GAPS = 16;
const MOST_PRODUCTS = 500;

const Kind = z.enum(['stock', 'sale']);

/** Numbers that did not come, and the moment of the message after them. */
const Gap = z.object({ from: z.int(), to: z.int(), before: z.int() });
type Gap = z.infer<typeof Gap>;

/** The messages of one kind since one start: all numbers up to `upTo` came, but those in the gaps. */
const Run = z.object({
  kind: Kind,
  boot: z.string(),
  upTo: z.int(),
  gaps: z.array(Gap).max(MOST_GAPS),
  /** The latest moment of its messages, in milliseconds since the epoch. */
  at: z.int(),
});
type Run = z.infer<typeof Run>;

export const Device = z.object({
  deviceId: z.string(),
  shopId: z.string(),
  runs: z.array(Run),
  /** By how many milliseconds its clock may be slow: as much as the quickest of its messages took. */
  slow: z.int().optional(),
  /** Of starts that are forgotten nothing later than this came. */
  forgottenAt: z.int(),
  /** Something will never be known to be late or a duplicate: it is lost. */
  lost: z.boolean(),
  /** What it told of last, the newest at the end. */
  products: z.array(z.string()).max(MOST_PRODUCTS),
  /** Those of which something may be missing since their last count. */
  doubtful: z.array(z.string()).max(MOST_PRODUCTS),
});
export type Device = z.infer<typeof Device>;

export interface Place {
  kind: z.infer<typeof Kind>;
  boot: string;
  seq: number;
  /** In milliseconds since the epoch, by the platform's clock as far as that is known. */
  at: number;
  slow: number;
}

/**
 * When it was so by the platform's clock, if a device says that it was so at `at`, and it is heard
 * now. Nothing comes before it happens; and where even the quickest message of a device took long,
 * its clock is slow.
 */
export function onTime({ slow: known }: Device, at: number, now: number) {
  const slow = Math.max(0, Math.min(known ?? Infinity, now - at));
  return { at: Math.min(at + slow, now), slow };
}

export function newDevice(deviceId: string, shopId: string): Device {
  const nothing = { runs: [], products: [], doubtful: [] };
  return { deviceId, shopId, ...nothing, forgottenAt: 0, lost: false };
}

/** Whether a message did not come before. One that may have is not taken again. */
export function isNew({ runs, forgottenAt }: Device, place: Place): boolean {
  const run = runs.find((one) => isOf(one, place));
  if (run === undefined) return place.at > forgottenAt;
  return place.seq > run.upTo || run.gaps.some((gap) => isIn(gap, place.seq));
}

/**
 * The message at a moment that agrees with its number: a clock may be set, and of one that is fast
 * the platform only knows when its messages came.
 */
export function inOrder({ runs }: Device, place: Place): Place {
  const run = runs.find((one) => isOf(one, place));
  if (run === undefined) return place;
  const gap = run.gaps.find((one) => isIn(one, place.seq));
  const at = gap ? Math.min(place.at, gap.before - 1) : Math.max(place.at, run.at + 1);
  return { ...place, at };
}

/**
 * The device once this message is taken: what is missing before it puts in doubt all that the
 * device tells of, until it counts anew or what is missing comes after all.
 */
export function taken(device: Device, place: Place, productId?: string): Device {
  if (!isNew(device, place)) return device;
  const known = device.runs.find((one) => isOf(one, place));
  const run = known ?? { kind: place.kind, boot: place.boot, upTo: 0, gaps: [], at: 0 };
  const { run: now, opened, lost } = filled(run, place);
  const others = device.runs.filter((one) => one !== known);
  const { runs, forgotten } = kept([...others, now]);
  const products =
    productId === undefined ? device.products : withNewest(device.products, productId);
  const after = {
    ...device,
    ...{ runs, products, slow: place.slow },
    forgottenAt: Math.max(device.forgottenAt, ...forgotten.map(({ at }) => at)),
    lost: device.lost || lost || forgotten.some(({ gaps }) => gaps.length > 0),
  };
  if (opened) return { ...after, doubtful: products };
  const whole = !after.lost && runs.every(({ gaps }) => gaps.length === 0);
  return whole && known !== undefined && known.gaps.length > 0 ? { ...after, doubtful: [] } : after;
}

/**
 * The device once a count of this product was compared with what was thought to be there: what is
 * missing from before the count is in it.
 */
export function counted(device: Device, place: Place, productId: string): Device {
  const isBefore = (run: Run) =>
    isOf(run, place) ? run.gaps.every(({ to }) => to < place.seq) : run.at <= place.at;
  const gaping = device.runs.filter(({ gaps }) => gaps.length > 0);
  if (!device.doubtful.includes(productId) || !gaping.every(isBefore)) return device;
  const doubtful = device.doubtful.filter((one) => one !== productId);
  return { ...device, doubtful, lost: device.lost && doubtful.length > 0 };
}

/** The device where it is in this shop: of what is in another it tells no more. */
export function movedTo(device: Device, shopId: string): Device {
  return device.shopId === shopId ? device : { ...device, shopId, products: [], doubtful: [] };
}

const isOf = (run: Run, { kind, boot }: Place) => run.kind === kind && run.boot === boot;
const isIn = ({ from, to }: Gap, seq: number) => from <= seq && seq <= to;

function filled(run: Run, { seq, at }: Place) {
  const later = { ...run, at: Math.max(run.at, at) };
  if (seq <= run.upTo) {
    const gaps = run.gaps.flatMap((gap) => (isIn(gap, seq) ? around(gap, seq, at) : [gap]));
    return { run: { ...later, ...bounded(gaps) }, opened: false, lost: gaps.length > MOST_GAPS };
  }
  const opened = seq > run.upTo + 1;
  const gap = { from: run.upTo + 1, to: seq - 1, before: at };
  const gaps = opened ? [...run.gaps, gap] : run.gaps;
  return { run: { ...later, upTo: seq, ...bounded(gaps) }, opened, lost: gaps.length > MOST_GAPS };
}

/** What is left of a gap, with one number of it there. */
function around({ from, to, before }: Gap, seq: number, at: number): Gap[] {
  const parts = [
    { from, to: seq - 1, before: Math.min(before, at) },
    { from: seq + 1, to, before },
  ];
  return parts.filter((part) => part.from <= part.to);
}

const bounded = (gaps: Run['gaps']) => ({ gaps: gaps.slice(-MOST_GAPS) });

/** Of each kind the starts that were heard last. */
function kept(runs: readonly Run[]): { runs: Run[]; forgotten: Run[] } {
  const newest = runs.toSorted((one, other) => other.at - one.at);
  const forgotten = Kind.options.flatMap((kind) =>
    newest.filter((run) => run.kind === kind).slice(MOST_BOOTS),
  );
  return { runs: runs.filter((run) => !forgotten.includes(run)), forgotten };
}

function withNewest(products: readonly string[], productId: string): string[] {
  if (products.includes(productId)) return [...products];
  return [...products, productId].slice(-MOST_PRODUCTS);
}
