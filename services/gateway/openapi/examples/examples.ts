import { accountExamples } from './accounts';
import { adminExamples } from './admin';
import { catalogueExamples } from './catalogue';
import { deviceExamples } from './devices';
import { orderExamples } from './orders';
import { paymentExamples } from './payments';
import { searchExamples } from './search';
import { statusExamples } from './status';
import type { RouteExamples } from './types';
import { vendingExamples } from './vending';

/** An example for every route. */
export const examples: RouteExamples = {
  ...accountExamples,
  ...catalogueExamples,
  ...searchExamples,
  ...orderExamples,
  ...paymentExamples,
  ...deviceExamples,
  ...vendingExamples,
  ...adminExamples,
  ...statusExamples,
};
