import type { WatchOrderRequest } from '#proto/retail/order/v1/order_pb';
import type { Context } from './definition';
import type { Order } from './domain';
import { findOwnOrder, toMessage } from './queries';

/** Pauses between reads after a change: short at first, as most changes follow soon. */
const POLL_PAUSES_MS = [100, 200, 400, 800];
/** Afterwards by status: a confirmed order rarely changes. */
const SLOW_POLL_MS: Readonly<Record<Order['status'], number>> = {
  pending: 1_000,
  cancelling: 1_000,
  confirmed: 3_000,
  cancelled: 3_000,
};

/**
 * Streams the order, and again after each change of its status or pickup. It polls the document: so it sees
 * changes by any replica, and needs no subscription and no state.
 */
export async function* watchOrder(
  request: WatchOrderRequest,
  context: Context,
  ended: AbortSignal,
) {
  const { clock, callContext } = context;
  let lastStatus: string | undefined;
  for (let poll = 0; ; poll++) {
    const order = await findOwnOrder(request, context);
    const { status } = order;
    const shown = `${status} ${order.pickup?.status ?? ''}`;
    if (shown !== lastStatus) {
      poll = 0;
      lastStatus = shown;
      yield { order: toMessage(order) };
    }
    const pause = POLL_PAUSES_MS[poll] ?? SLOW_POLL_MS[status];
    if (status === 'cancelled' || clock.now() + pause >= callContext.deadline) return;
    await clock.sleep(pause, ended);
  }
}
