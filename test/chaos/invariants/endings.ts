import { type Books, type Found, type OrderBook, accepted, distinct, orderOf } from '../books';

const ENDINGS = ['order.confirmed', 'order.cancelled'];

/** 3. Each order that was accepted, or begun, ends: confirmed, or cancelled; and says so once. */
export function everyOrderEnds(books: Books): Found[] {
  const { orders, events, asked, stranded } = books;
  const said = Map.groupBy(
    distinct(events).filter(({ topic }) => ENDINGS.includes(topic)),
    (event) => orderOf(event) ?? '',
  );
  const answers = Map.groupBy(accepted(asked), ({ orderId }) => orderId);
  const cancels = new Set(
    asked.filter(({ what }) => what === 'cancel').map(({ path }) => path.split('/')[2]),
  );
  return orders.flatMap((order) => {
    const { orderId, status } = order;
    const says = (message: string) => [{ about: orderId, message }];
    if (status === 'missing') return says('was accepted, and is lost');
    if (status !== 'confirmed' && status !== 'cancelled') return says(`is ${status} for ever`);
    if (stranded.includes(orderId)) return says('was stranded until it was replayed');
    const endings = said.get(orderId)?.map(({ topic }) => topic) ?? [];
    const confirmed = endings.filter((topic) => topic === 'order.confirmed').length;
    const cancelled = endings.length - confirmed;
    if (confirmed > 1 || cancelled > 1) {
      return says(`is said to be confirmed ${confirmed} and cancelled ${cancelled} times`);
    }
    if (status === 'confirmed' && (confirmed !== 1 || cancelled !== 0)) {
      return says(`is confirmed; that is said ${confirmed} times, its end ${cancelled} times`);
    }
    if (status === 'cancelled' && cancelled !== 1) {
      return says('is cancelled, and nobody was told');
    }
    const byBuyer = cancels.has(orderId);
    if (status === 'cancelled' && confirmed === 1 && !byBuyer) {
      return says('was confirmed, and cancelled though nobody wanted that');
    }
    return asAnswered(order, answers.get(orderId) ?? [], byBuyer).flatMap(says);
  });
}

/** What was answered stays true, but that a buyer may cancel what was confirmed. */
function asAnswered(
  { status, reason }: OrderBook,
  answers: readonly { status?: number; n: number; told?: { reason?: string | undefined } }[],
  byBuyer: boolean,
): string[] {
  return answers.flatMap((answer) => {
    if (answer.status === 201 && status !== 'confirmed' && !byBuyer) {
      return [`was answered as confirmed (request ${answer.n}), and is ${status}`];
    }
    if (answer.status !== 422) return [];
    const told = answer.told?.reason;
    return status === 'cancelled' && reason === told
      ? []
      : [`was answered as cancelled for ${told} (request ${answer.n}), and is ${status} ${reason}`];
  });
}

/** 3. What a buyer was told would be cancelled is. */
export function cancelsHappen({ asked, orders }: Books): Found[] {
  const status = new Map(orders.map((order) => [order.orderId, order.status]));
  return asked
    .filter(({ what, status: answer }) => what === 'cancel' && (answer === 200 || answer === 202))
    .flatMap(({ path, n }) => {
      const orderId = path.split('/')[2] ?? '';
      const is = status.get(orderId);
      if (is === 'cancelled') return [];
      return [
        { about: orderId, message: `is ${is}, though request ${n} was told it is cancelled` },
      ];
    });
}
