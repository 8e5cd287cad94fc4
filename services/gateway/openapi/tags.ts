import type { Route } from '../routes/types';
import type { Json } from './messages';

/** The tags of the operations: the first segment of the path, in the order of the document. */
const TAGS: Readonly<Record<string, string>> = {
  auth: 'Registering, signing in and out, resetting a password and verifying an address',
  'api-keys': 'API keys of external integrations',
  users: 'The profile, password and sessions of the signed-in user',
  products: 'The product catalogue',
  search: 'The search over the catalogue',
  inventory: 'Stock of products in shops',
  orders: 'Orders, from placing to cancelling',
  deliveries: 'Deliveries of orders',
  'delivery-quotes': 'What a delivery to an address costs, and when it arrives',
  notifications: 'E-mails and text messages that were sent to the signed-in user',
  payments: 'Payments and refunds',
  shops: 'Shops and their offers',
  devices: 'Devices in shops, and commands to them',
  admin: 'Dead letters of the services, blocked users, and broker accounts of the devices',
  machines: 'Vending machines: planograms and contents',
  vends: 'Sales by vending machines',
  health: 'Health of the system',
  gateway: 'State of the gateway',
};

export function tagOf({ path }: Pick<Route, 'path'>): string {
  const [, tag = ''] = path.split('/');
  if (TAGS[tag] === undefined) throw new Error(`openapi/tags.ts has no description of ${tag}`);
  return tag;
}

/** The tags that these routes have. */
export function tagsOf(routes: readonly Route[]): Json[] {
  const used = new Set(routes.map(tagOf));
  return Object.entries(TAGS)
    .filter(([name]) => used.has(name))
    .map(([name, description]) => ({ name, description }));
}
