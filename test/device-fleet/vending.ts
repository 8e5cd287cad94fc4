import { z } from 'zod';
import type { VendBook } from './books';
import type { Platform } from './platform';

// The part of the platform's API that is about machines and vends.

export const CAPACITY = 60;

const Money = z.object({ amount: z.string() });
const Machine = z.object({
  slots: z.array(z.object({ slot: z.string(), quantity: z.int(), fault: z.string().optional() })),
});
const Begun = z.object({ vendId: z.string() });
const Vend = z.object({
  vendId: z.string(),
  machineId: z.string(),
  slot: z.string(),
  channel: z.enum(['cash', 'cashless']),
  status: z.string(),
  reason: z.string().optional(),
  price: Money.optional(),
});

const minor = (money: z.output<typeof Money> | undefined) =>
  money === undefined ? 0 : Math.round(Number(money.amount) * 100);

/** Sets a machine's planogram, and fills its slots. */
export async function planMachine(
  admin: Platform,
  machineId: string,
  slots: readonly { slot: string; productId: string; capacity: number }[],
): Promise<void> {
  await admin.ask(z.unknown(), 'POST', `/machines/${machineId}/planogram`, { slots });
  const { slots: filled } = await machineOf(admin, machineId);
  for (const { slot, capacity } of slots) {
    const quantity = filled.find((one) => one.slot === slot)?.quantity ?? 0;
    await restock(admin, machineId, slot, capacity - quantity);
  }
}

/** Adds pieces to a slot, which also clears its fault. */
export async function restock(
  admin: Platform,
  machineId: string,
  slot: string,
  quantity: number,
): Promise<void> {
  await admin.ask(z.unknown(), 'POST', `/machines/${machineId}/restocks`, { slot, quantity });
}

export const machineOf = (admin: Platform, machineId: string) =>
  admin.get(Machine, `/machines/${machineId}`);

/** Buys a piece; returns the id of the vend, or undefined if the platform refuses it. */
export async function buy(
  customer: Platform,
  machineId: string,
  slot: string,
  token: string,
): Promise<string | undefined> {
  const payment = { method: 'card', token };
  const answer = await customer.send('POST', '/vends', { machineId, slot, payment });
  const { data = answer.details } = answer;
  return Begun.safeParse(data).data?.vendId;
}

export async function vendsOf(admin: Platform, machineId: string): Promise<VendBook[]> {
  const vends = await admin.all(Vend, `/vends?machineId=${machineId}`);
  return vends.map(({ price, reason, ...vend }) => ({
    ...vend,
    ...(reason === undefined ? {} : { reason }),
    price: minor(price),
  }));
}
