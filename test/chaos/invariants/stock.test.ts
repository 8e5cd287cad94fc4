import { CANCELLED, CONFIRMED, PRODUCT, stocked } from '../made-up';
import { finds, withOrder, without, withEvent, withStock, withAsked } from '../spoil';

const adjusted = {
  what: 'adjust',
  key: 'more',
  who: 'admin',
  body: { change: 5 },
  path: `/inventory/shop_1/${PRODUCT}/adjustments`,
} as const;

finds([
  [
    'pieces are gone',
    withStock({ available: 8 }),
    ['stockAddsUp', 'readModelsFollow'],
    /8 available/,
  ],
  [
    'there are less than none',
    withStock({ available: -1, reserved: 10 }),
    ['stockAddsUp', 'readModelsFollow', 'nothingIsHeldForEver'],
    /-1 available/,
  ],
  [
    'an adjustment was made twice',
    (books) =>
      withEvent(stocked(6, 9, 19, { reason: 'more' }))(
        withStock({ available: 19 })(withAsked(adjusted)(books)),
      ),
    ['stockAddsUp'],
    /but 15 came/,
  ],
  [
    'pieces are held for nobody',
    withStock({ available: 8, reserved: 1 }),
    ['nothingIsHeldForEver', 'readModelsFollow'],
    /1 pieces are held/,
  ],
  [
    'a change of the stock was not said',
    without('product.stock.updated', CONFIRMED),
    ['readModelsFollow'],
    /events end at 9|begins at/,
  ],
  [
    'the catalogue shows another stock',
    withStock({ shown: 'out_of_stock' }),
    ['readModelsFollow'],
    /the catalogue shows/,
  ],
  [
    'an order is in no list',
    withOrder(CANCELLED, { listed: 0 }),
    ['readModelsFollow'],
    /list 0 times/,
  ],
  [
    'an order is twice in a list',
    withOrder(CANCELLED, { listed: 2 }),
    ['readModelsFollow'],
    /list 2 times/,
  ],
]);
