import type { WatchOrderRequest } from '#proto/retail/order/v1/order_pb';
import { asked, toMessage } from './answers';
import type { Order } from './domain';
import type { Context } from './definition';

/** After each change soon, then ever more seldom: most of what happens, happens at once. */
const LOOKS_MS = [100, 200, 400, 800];
/** One that is confirmed hardly changes any more. */
const SELDOM_MS: Readonly<Record<Order['status'], number>> = {
  ...{ pending: 1_000, cancelling: 1_000, confirmed: 3_000, cancelled: 3_000 },
};

/**
 * Gives the order, and again whenever its status has changed. The document itself is looked at:
 * whichever replica changed it, it is seen, and nothing has to be kept or said for it.
 */
export async function* watchOrder(
  request: WatchOrderRequest,
  context: Context,
  ended: AbortSignal,
) {
  const { clock, callContext } = context;
  let last: Order['status'] | undefined;
  for (let look = 0; ; look++) {
    const order = await asked(request, context);
    const { status } = order;
    if (status !== last) {
      look = 0;
      last = status;
      yield { order: toMessage(order) };
    }
    const wait = LOOKS_MS[look] ?? SELDOM_MS[status];
    if (status === 'cancelled' || clock.now() + wait >= callContext.deadline) return;
    await clock.sleep(wait, ended);
  }
}
