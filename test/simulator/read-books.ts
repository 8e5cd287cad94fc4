import { z } from 'zod';
import { providerLedger } from '../chaos/provider-ledger';
import type { Books, PurchaseBook } from './books';
import { type Platform, eachOf } from './platform';
import { machineOf, vendsOf } from './vending';
import type { Fleet } from './setup';

const Stock = z.object({
  available: z.int(),
  reserved: z.int(),
  doubtful: z.boolean().optional(),
});
const Known = z.object({ deviceId: z.string(), status: z.string() });
const Refusal = z.object({ reason: z.string() });
const Letter = z.object({ message: z.string() });

/** The services that have something to do with devices. */
const SERVICES = ['iot-gateway', 'inventory', 'shop'];

export interface Reading {
  readonly admin: Platform;
  readonly fleet: Fleet;
  readonly vends: boolean;
  /** The payment provider's own books; without them money is not looked at. */
  readonly provider?: string;
}

/** Reads everything from outside, as it is now. */
export async function readBooks({ admin, fleet, vends, provider }: Reading): Promise<Books> {
  const { world, devices, probe, machines } = fleet;
  const { ledger } = world;
  const all = [...devices, probe];
  const stocks = await eachOf(ledger.stocks, async (stock) => {
    const path = `/inventory/${stock.shopId}/${stock.productId}`;
    const { available, reserved, doubtful = false } = await admin.get(Stock, path);
    return { ...stock, found: available + reserved, doubtful };
  });
  const shops = [...new Set(all.map(({ identity }) => identity.shopId))];
  const known = await eachOf(shops, (shopId) => admin.all(Known, `/devices?shopId=${shopId}`));
  const statuses = new Map(known.flat().map(({ deviceId, status }) => [deviceId, status]));
  const rogues = Map.groupBy(ledger.misdeeds, ({ deviceId }) => deviceId);
  const refusals = await eachOf([...rogues], async ([deviceId, misdeeds]) => {
    const recorded = await admin.all(Refusal, `/devices/${deviceId}/refusals`);
    return misdeeds.map((each) => ({
      ...each,
      recorded: recorded.filter(({ reason }) => reason === each.misdeed).length,
    }));
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
    presences: all.map(({ identity: { deviceId }, isUp }) => ({
      ...{ deviceId, isUp },
      found: statuses.get(deviceId) ?? 'nowhere',
    })),
    letters: letters.flat(),
    forged: ledger.forged,
    ...(vends ? await readVends({ admin, fleet, provider }) : noVends),
    ...(vends
      ? {
          slots: await readSlots(
            admin,
            machines.map((it) => it.identity.deviceId),
            fleet,
          ),
        }
      : {}),
  };
}

const noVends = { slots: [], cash: [], vends: [], purchases: [] };

async function readSlots(admin: Platform, machineIds: readonly string[], { world }: Fleet) {
  const slots = await eachOf(machineIds, async (machineId) => {
    const machine = await machineOf(admin, machineId);
    return machine.slots.map(({ slot, quantity }) => ({
      ...{ machineId, slot, found: quantity },
      pieces: world.ledger.inSlot(machineId, slot),
    }));
  });
  return slots.flat();
}

async function readVends({
  admin,
  fleet: { world, machines },
  provider,
}: Pick<Reading, 'admin' | 'fleet'> & { provider: string | undefined }) {
  const { ledger } = world;
  const vends = await eachOf(machines, ({ identity }) => vendsOf(admin, identity.deviceId));
  const captures = provider === undefined ? [] : await providerLedger(provider);
  const purchases = ledger.purchases.map(({ vendId }): PurchaseBook => {
    const dispense = [...ledger.dispenses.values()].find(({ commandId }) =>
      commandId.includes(vendId),
    );
    const mine = captures.filter(({ key, captured }) => key.includes(vendId) && captured > 0);
    return {
      vendId,
      ...(dispense === undefined ? {} : { dispense }),
      captures: mine.length,
      captured: mine.reduce((sum, { captured }) => sum + captured, 0),
      refunded: mine.flatMap(({ refunds }) => refunds).reduce((sum, { amount }) => sum + amount, 0),
    };
  });
  return { slots: [], cash: ledger.cash, vends: vends.flat(), purchases };
}
