import type { Books, PurchaseBook, VendBook } from './books';

/** Something that does not add up. */
export interface Violation {
  readonly about: string;
  readonly message: string;
}

const CHECKS: readonly ((books: Books) => Violation[])[] = [
  ...[allWasSent, stocksAddUp, slotsAddUp, cashIsKnownOnce, vendsEnd, moneyAddsUp],
  ...[misdeedsAreRefused, presenceIsRight, nothingIsDead],
];

/** What does not add up, seen from outside of the platform. */
export function check(books: Books): Violation[] {
  return CHECKS.flatMap((each) => each(books));
}

function allWasSent({ unsent, forged }: Books): Violation[] {
  const found: Violation[] = [];
  if (unsent > 0) found.push({ about: 'broker', message: `${unsent} messages were never taken` });
  if (forged > 0)
    found.push({ about: 'commands', message: `${forged} were not signed as they must` });
  return found;
}

function stocksAddUp({ stocks }: Books): Violation[] {
  return stocks.flatMap(({ shopId, productId, pieces, found, reserved, doubtful }) => {
    const about = `stock ${shopId}/${productId}`;
    if (found !== pieces) return [{ about, message: `${found} pieces, and there are ${pieces}` }];
    if (reserved > 0) return [{ about, message: `${reserved} pieces are held, and for nobody` }];
    return doubtful ? [{ about, message: 'in doubt, though all was told' }] : [];
  });
}

function slotsAddUp({ slots }: Books): Violation[] {
  return slots
    .filter(({ pieces, found }) => pieces !== found)
    .map(({ machineId, slot, pieces, found }) => ({
      about: `slot ${machineId}/${slot}`,
      message: `${found} pieces, and there are ${pieces}`,
    }));
}

function cashIsKnownOnce({ cash, vends }: Books): Violation[] {
  const known = vends.filter(({ channel }) => channel === 'cash');
  const found: Violation[] = [];
  const machines = new Set([...cash, ...known].map(({ machineId }) => machineId));
  for (const machineId of machines) {
    const sold = cash.filter((sale) => sale.machineId === machineId);
    const vended = known.filter((vend) => vend.machineId === machineId);
    const paid = sum(sold.map(({ paidMinor }) => paidMinor));
    const booked = sum(vended.map(({ price }) => price));
    if (sold.length === vended.length && paid === booked) continue;
    const message = `${vended.length} cash sales of ${booked}, and there were ${sold.length} of ${paid}`;
    found.push({ about: `machine ${machineId}`, message });
  }
  return found;
}

const ENDS = ['completed', 'cancelled', 'unpaid'];

function vendsEnd({ vends, purchases }: Books): Violation[] {
  const open = vends
    .filter(({ status }) => !ENDS.includes(status))
    .map(({ vendId, status }) => ({ about: `vend ${vendId}`, message: `is ${status} for ever` }));
  const byId = vendsById(vends);
  const wrong = purchases.flatMap((purchase) => {
    const about = `vend ${purchase.vendId}`;
    const vend = byId.get(purchase.vendId);
    if (vend === undefined) return [{ about, message: 'was asked for, and is not there' }];
    const isGiven = purchase.dispense?.outcome === 'acknowledged';
    if (vend.status === 'completed' && !isGiven) {
      return [{ about, message: 'is completed, and nothing came out' }];
    }
    if (vend.status !== 'completed' && isGiven && !wasLate(purchase)) {
      const why = `${vend.status} (${vend.reason ?? ''})`;
      return [{ about, message: `is ${why}, and the piece came out` }];
    }
    return [];
  });
  return [...open, ...wrong];
}

/** So long before its end a command's answer must be with the broker to be sure to count. */
const MARGIN_MS = 15_000;

/** Whether the machine's answer came when the platform may have given it up. */
export function wasLate({ dispense }: PurchaseBook): boolean {
  if (dispense === undefined) return false;
  return (dispense.answeredAt ?? Infinity) > dispense.expiresAt - MARGIN_MS;
}

function moneyAddsUp({ purchases, vends }: Books): Violation[] {
  const byId = vendsById(vends);
  return purchases.flatMap(({ vendId, dispense, held, captured, refunded, captures }) => {
    const vend = byId.get(vendId);
    const about = `money of vend ${vendId}`;
    if (captures > 1) return [{ about, message: `was taken ${captures} times` }];
    if (held > 0) return [{ about, message: `${held} is kept ready for ever` }];
    // what came out is paid for, at its price, and nothing else is
    const due = vend?.status === 'completed' ? (dispense?.priceMinor ?? 0) : 0;
    const kept = captured - refunded;
    return kept === due ? [] : [{ about, message: `is ${kept}, and ${due} is due` }];
  });
}

function misdeedsAreRefused({ refusals }: Books): Violation[] {
  return refusals
    .filter(({ times, recorded }) => recorded < times)
    .map(({ deviceId, misdeed, times, recorded }) => ({
      about: `device ${deviceId}`,
      message: `${misdeed} was refused ${recorded} times, and sent ${times} times`,
    }));
}

function presenceIsRight({ presences }: Books): Violation[] {
  return presences
    .filter(({ isUp, found }) => found !== (isUp ? 'online' : 'offline'))
    .map(({ deviceId, isUp, found }) => ({
      about: `device ${deviceId}`,
      message: `is said to be ${found}, and is ${isUp ? 'online' : 'offline'}`,
    }));
}

function nothingIsDead({ letters }: Books): Violation[] {
  return letters.map(({ service, message }) => ({ about: `dead letter of ${service}`, message }));
}

const vendsById = (vends: readonly VendBook[]) => new Map(vends.map((vend) => [vend.vendId, vend]));
const sum = (numbers: readonly number[]) => numbers.reduce((one, other) => one + other, 0);
