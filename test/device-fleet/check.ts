import { type Finding, sum } from '../invariants/books';
import { captureFaults } from '../invariants/captures';
import type { Books, PurchaseBook, VendBook } from './books';

const CHECKS: readonly ((books: Books) => Finding[])[] = [
  allWasSent,
  stocksAddUp,
  slotsAddUp,
  cashIsKnownOnce,
  vendsEnd,
  moneyAddsUp,
  misdeedsAreRefused,
  factsAreNotRefused,
  presenceIsRight,
  nothingIsDead,
];

/** Every difference between the devices' ledger and the platform's records. */
export function check(books: Books): Finding[] {
  return CHECKS.flatMap((each) => each(books));
}

function allWasSent({ unsent, forged }: Books): Finding[] {
  const found: Finding[] = [];
  if (unsent > 0)
    found.push({ about: 'broker', message: `${unsent} messages were never accepted` });
  if (forged > 0) found.push({ about: 'commands', message: `${forged} had no valid signature` });
  return found;
}

function stocksAddUp({ stocks }: Books): Finding[] {
  return stocks.flatMap(({ shopId, productId, pieces, found, reserved, doubtful }) => {
    const about = `stock ${shopId}/${productId}`;
    if (found !== pieces) return [{ about, message: `${found} pieces, and there are ${pieces}` }];
    if (reserved > 0) return [{ about, message: `${reserved} pieces stay reserved for ever` }];
    return doubtful ? [{ about, message: 'in doubt, although everything was reported' }] : [];
  });
}

function slotsAddUp({ slots }: Books): Finding[] {
  return slots
    .filter(({ pieces, found }) => pieces !== found)
    .map(({ machineId, slot, pieces, found }) => ({
      about: `slot ${machineId}/${slot}`,
      message: `${found} pieces, and there are ${pieces}`,
    }));
}

function cashIsKnownOnce({ cash, vends }: Books): Finding[] {
  const known = vends.filter(({ channel }) => channel === 'cash');
  const found: Finding[] = [];
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

function vendsEnd({ vends, purchases }: Books): Finding[] {
  const open = vends
    .filter(({ status }) => !ENDS.includes(status))
    .map(({ vendId, status }) => ({
      about: `vend ${vendId}`,
      message: `stays ${status} for ever`,
    }));
  const byId = vendsById(vends);
  const wrong = purchases.flatMap((purchase) => {
    const about = `vend ${purchase.vendId}`;
    const vend = byId.get(purchase.vendId);
    if (vend === undefined) return [{ about, message: 'was requested, and is missing' }];
    const isDispensed = purchase.dispense?.outcome === 'acknowledged';
    if (vend.status === 'completed' && !isDispensed) {
      return [{ about, message: 'is completed, and nothing was dispensed' }];
    }
    if (vend.status !== 'completed' && isDispensed && !wasLate(purchase)) {
      const status = `${vend.status} (${vend.reason ?? ''})`;
      return [{ about, message: `is ${status}, and the piece was dispensed` }];
    }
    return [];
  });
  return [...open, ...wrong];
}

/** The broker must have an acknowledgement this long before the command expires for it to count for sure. */
const MARGIN_MS = 15_000;

/** Whether the platform may have given up the command before the machine's acknowledgement. */
export function wasLate({ dispense }: PurchaseBook): boolean {
  if (dispense === undefined) return false;
  return (dispense.answeredAt ?? Infinity) > dispense.expiresAt - MARGIN_MS;
}

/** A dispensed piece is paid at its price, and nothing else is. */
function moneyAddsUp({ purchases, vends }: Books): Finding[] {
  const byId = vendsById(vends);
  return purchases.flatMap(({ vendId, dispense, held, captures }) => {
    const about = `money of vend ${vendId}`;
    if (held > 0) return [{ about, message: `${held} stays authorised for ever` }];
    const isPaid = byId.get(vendId)?.status === 'completed';
    const due = isPaid ? (dispense?.priceMinor ?? 0) : 0;
    return captureFaults(captures, due).map((message) => ({ about, message }));
  });
}

function misdeedsAreRefused({ refusals }: Books): Finding[] {
  return refusals
    .filter(({ times, recorded }) => recorded < times)
    .map(({ deviceId, misdeed, times, recorded }) => ({
      about: `device ${deviceId}`,
      message: `${misdeed} was refused ${recorded} times, and sent ${times} times`,
    }));
}

function factsAreNotRefused({ refusedFacts }: Books): Finding[] {
  return refusedFacts.map(({ deviceId, kind, reason }) => ({
    about: `device ${deviceId}`,
    message: `${kind} was refused as ${reason}, and is true`,
  }));
}

function presenceIsRight({ presences }: Books): Finding[] {
  return presences
    .filter(({ isUp, found }) => found !== (isUp ? 'online' : 'offline'))
    .map(({ deviceId, isUp, found }) => ({
      about: `device ${deviceId}`,
      message: `is shown as ${found}, and is ${isUp ? 'online' : 'offline'}`,
    }));
}

function nothingIsDead({ letters }: Books): Finding[] {
  return letters.map(({ service, message }) => ({ about: `dead letter of ${service}`, message }));
}

const vendsById = (vends: readonly VendBook[]) => new Map(vends.map((vend) => [vend.vendId, vend]));
