import { z } from 'zod';
import type { VendBook } from './books';
import type { Platform } from './platform';

// Where the platform's API has machines and what they sell.

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

/** Plans a machine's slots, and fills them. */
export async function planMachine(
  admin: Platform,
  machineId: string,
  slots: readonly { slot: string; productId: string; capacity: number }[],
): Promise<void> {
  await admin.ask(z.unknown(), 'POST', `/machines/${machineId}/planogram`, { slots });
  const { slots: there } = await machineOf(admin, machineId);
  for (const { slot, capacity } of slots) {
    const quantity = there.find((one) => one.slot === slot)?.quantity ?? 0;
    await restock(admin, machineId, slot, capacity - quantity);
  }
}

/** Puts pieces into a slot, and it right where it was faulty. */
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

/** Buys a piece, and gives the vend's id; undefined where the platform does not begin with one. */
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
