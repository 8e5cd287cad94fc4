import { accountRoutes } from './accounts';
import { adminRoutes } from './admin';
import { catalogueRoutes } from './catalogue';
import { deviceRoutes } from './devices';
import { orderRoutes } from './orders';
import { paymentRoutes } from './payments';
import { searchRoutes } from './search';
import { statusRoutes } from './status';
import type { Route } from './types';
import { vendingRoutes } from './vending';

/** The path that every route is below. */
export const BASE = '/api/v1';

/** Every route of the API. */
export const routes: readonly Route[] = [
  ...accountRoutes,
  ...catalogueRoutes,
  ...searchRoutes,
  ...orderRoutes,
  ...paymentRoutes,
  ...deviceRoutes,
  ...vendingRoutes,
  ...adminRoutes,
  ...statusRoutes,
];
