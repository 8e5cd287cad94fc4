import { z } from 'zod';
import { minor } from '#retail/money';
import { providerEntries } from '../harness/provider-ledger';
import { sum } from '../invariants/books';
import { captureOf } from '../invariants/captures';
import type { Books, PurchaseBook } from './books';
import type { Misdeed } from './ledger';
import { type Platform, eachOf } from './platform';
import { machineOf, vendsOf } from './vending';
import type { Fleet } from './setup';

const Stock = z.object({
  available: z.int(),
  reserved: z.int(),
  doubtful: z.boolean().optional(),
});
const Known = z.object({ deviceId: z.string(), status: z.string() });
const Refusal = z.object({ kind: z.string(), reason: z.string() });
/** The kinds of messages that are facts: what happened stays true, however late it arrives. */
const FACTS = ['stock', 'sale', 'ack'];
const Letter = z.object({ message: z.string() });

/** The services whose dead letters are read. */
const SERVICES = ['iot-gateway', 'inventory', 'shop'];

export interface Reading {
  readonly admin: Platform;
  readonly fleet: Fleet;
  readonly vends: boolean;
  /** Misdeeds that the broker keeps from the platform. */
  readonly brokerDrops: readonly Misdeed[];
  /** The URL of the payment provider simulator; without it money is not checked. */
  readonly provider?: string;
}

/** Reads the platform's records as they are now. */
export async function readBooks(reading: Reading): Promise<Books> {
  const { admin, fleet, vends, provider, brokerDrops } = reading;
  const { environment, devices, probe } = fleet;
  const { ledger } = environment;
  const all = [...devices, probe];
  const stocks = await eachOf(ledger.stocks, async (stock) => {
    const path = `/inventory/${stock.shopId}/${stock.productId}`;
    const { available, reserved, doubtful = false } = await admin.get(Stock, path);
    return { ...stock, found: available + reserved, reserved, doubtful };
  });
  const shops = [...new Set(all.map(({ identity }) => identity.shopId))];
  const known = await eachOf(shops, (shopId) => admin.all(Known, `/devices?shopId=${shopId}`));
  const statuses = new Map(known.flat().map(({ deviceId, status }) => [deviceId, status]));
  const arrived = ledger.misdeeds.filter(({ misdeed }) => !brokerDrops.includes(misdeed));
  const rogues = Map.groupBy(arrived, ({ deviceId }) => deviceId);
  const refusals = await eachOf([...rogues], async ([deviceId, misdeeds]) => {
    const recorded = await admin.all(Refusal, `/devices/${deviceId}/refusals`);
    return misdeeds.map((each) => ({
      ...each,
      recorded: recorded.filter(({ reason }) => reason === each.misdeed).length,
    }));
  });
  const honest = all.filter(({ plan }) => !plan.isRogue);
  const refusedFacts = await eachOf(honest, async ({ identity: { deviceId } }) => {
    const recorded = await admin.all(Refusal, `/devices/${deviceId}/refusals`);
    return recorded
      .filter(({ kind }) => FACTS.includes(kind))
      .map((refusal) => ({ deviceId, ...refusal }));
  });
  const services = vends ? [...SERVICES, 'vending', 'payment'] : SERVICES;
  const letters = await eachOf(services, async (service) => {
    const found = await admin.all(Letter, `/admin/dead-letters/${service}`);
    return found.map(({ message }) => ({ service, message }));
  });
  return {
    unsent: all.reduce((sum, { outbox }) => sum + outbox.size, 0),
    stocks,
    refusals: refusals.flat(),
    refusedFacts: refusedFacts.flat(),
    presences: all.map(({ identity: { deviceId }, isUp }) => ({
      deviceId,
      isUp,
      found: statuses.get(deviceId) ?? 'unregistered',
    })),
    letters: letters.flat(),
    forged: ledger.forged,
    ...(vends ? await readVends({ admin, fleet, provider }) : noVends),
  };
}

const noVends = { slots: [], cash: [], vends: [], purchases: [] };

async function readSlots(admin: Platform, { environment, machines }: Fleet) {
  const slots = await eachOf(machines, async ({ identity: { deviceId: machineId } }) => {
    const machine = await machineOf(admin, machineId);
    return machine.slots.map(({ slot, quantity }) => ({
      machineId,
      slot,
      found: quantity,
      pieces: environment.ledger.inSlot(machineId, slot),
    }));
  });
  return slots.flat();
}

async function readVends({
  admin,
  fleet,
  provider,
}: Pick<Reading, 'admin' | 'fleet'> & { provider: string | undefined }) {
  const { ledger } = fleet.environment;
  const slots = await readSlots(admin, fleet);
  const ofEach = await eachOf(fleet.machines, ({ identity: { deviceId } }) =>
    vendsOf(admin, deviceId),
  );
  const vends = ofEach.flat();
  const entries = provider === undefined ? [] : await providerEntries(provider);
  // vends whose id was never answered to a customer count as well
  const begun = vends.filter(({ channel }) => channel === 'cashless');
  const ids = new Set([...ledger.purchases, ...begun].map(({ vendId }) => vendId));
  const dispenses = [...ledger.dispenses.values()];
  const purchases = [...ids].map((vendId): PurchaseBook => {
    const dispense = dispenses.find(({ commandId }) => commandId === vendId);
    const own = entries.filter(({ key }) => key.includes(vendId));
    const held = own.flatMap(({ state, amount }) =>
      state === 'authorised' && amount !== undefined ? [Number(minor(amount))] : [],
    );
    return {
      vendId,
      ...(dispense === undefined ? {} : { dispense }),
      held: sum(held),
      captures: own.map((entry) => captureOf(entry.key, entry)),
    };
  });
  return { slots, cash: ledger.cash, vends, purchases };
}
