import type { Books, Found } from '../books';
import { distinct } from '../books';

/** 1. Of each product: what is there, what is held and what was sold is what came. */
export function stockAddsUp({ asked, orders, stocks }: Books): Found[] {
  return stocks.flatMap(({ productId, available, reserved }) => {
    const received = sum(adjustmentsOf(asked, productId).map(({ body }) => changeIn(body)));
    const sold = sum(
      orders
        .filter(({ status }) => status === 'confirmed')
        .flatMap(({ items }) => items)
        .map((item) => (item.productId === productId ? item.quantity : 0)),
    );
    const found: Found[] = [];
    if (available < 0 || reserved < 0) {
      found.push({ about: productId, message: `${available} available, ${reserved} reserved` });
    }
    if (available + reserved + sold !== received) {
      const is = `${available} available + ${reserved} reserved + ${sold} sold`;
      const message = `${is} = ${available + reserved + sold}, but ${received} came`;
      found.push({ about: productId, message });
    }
    return found;
  });
}

/** 10. Nothing is held for an order that is decided. */
export function nothingIsHeldForEver({ orders, stocks }: Books): Found[] {
  return stocks.flatMap(({ productId, reserved }) => {
    const mayHold = sum(
      orders
        .filter(({ status }) => status === 'pending' || status === 'cancelling')
        .flatMap(({ items }) => items)
        .map((item) => (item.productId === productId ? item.quantity : 0)),
    );
    if (reserved <= mayHold) return [];
    const message = `${reserved} pieces are held, and undecided orders want ${mayHold}`;
    return [{ about: productId, message }];
  });
}

/** 7. What the catalogue shows, and what the events add up to, is what the stock is. */
export function readModelsFollow({ events, stocks, orders }: Books): Found[] {
  const changes = Map.groupBy(
    distinct(events).filter(({ topic }) => topic === 'product.stock.updated'),
    ({ data }) => String(data['productId']),
  );
  const found = stocks.flatMap(({ productId, available, shown }): Found[] => {
    const steps = (changes.get(productId) ?? []).toSorted(
      (one, other) => one.sequence - other.sequence,
    );
    let is = 0;
    for (const { id, sequence, data } of steps) {
      if (data['previousStock'] !== is) {
        const message = `change ${sequence} (${id}) begins at ${String(data['previousStock'])}, the one before it ended at ${is}: one was not said, or said twice`;
        return [{ about: productId, message }];
      }
      is = Number(data['newStock']);
    }
    if (is !== available) {
      return [{ about: productId, message: `events end at ${is}, the stock is ${available}` }];
    }
    const isShownEmpty = shown === 'out_of_stock' || (shown === 'unknown' && steps.length === 0);
    return isShownEmpty === (available === 0)
      ? []
      : [{ about: productId, message: `the catalogue shows ${shown}, the stock is ${available}` }];
  });
  const lists = orders
    .filter(({ listed, status }) => status !== 'missing' && listed !== 1)
    .map(({ orderId, listed }) => ({
      about: orderId,
      message: `is in its buyer's list ${listed} times`,
    }));
  return [...found, ...lists];
}

/** The adjustments of a product that were made: each key once. */
function adjustmentsOf(asked: Books['asked'], productId: string) {
  const made = asked.filter(
    ({ what, path, status }) =>
      what === 'adjust' && status === 200 && path.split('/').includes(productId),
  );
  return [...new Map(made.map((each) => [each.key, each])).values()];
}

function changeIn(body: unknown): number {
  return typeof body === 'object' && body !== null && 'change' in body ? Number(body.change) : 0;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);
