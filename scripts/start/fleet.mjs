// @ts-check
import { ownEnv } from './environment.mjs';
import { readAccounts } from './accounts.mjs';
import { call, dataOf, request, signIn, withSession } from './gateway.mjs';
import { startGuest } from './guest.mjs';

/** The shop of the demo fleet; see test/device-fleet/demo.ts. */
export const FLEET_SHOP = 'demo-shop-0';

const shop = {
  shopId: FLEET_SHOP,
  name: 'Shop of the demo devices',
  channels: ['store', 'vending'],
  timeZone: 'Europe/Berlin',
  openingHours: [],
};

/**
 * Prepares what only an admin can do for the demo fleet: its shop, and a seller of that shop. The fleet then
 * runs with the account of this seller, who may manage nothing else.
 */
export async function prepareFleet() {
  const { admin, fleetSeller } = readAccounts();
  await register(fleetSeller, 'Demo Seller');
  const { user } = await signIn(fleetSeller);
  await withSession(admin, async (token) => {
    if (user.role !== 'seller') {
      const path = `/admin/users/${user.userId}/role`;
      await call('POST', path, { token, body: { role: 'seller' } });
    }
    const path = `/shops/${FLEET_SHOP}`;
    const known = await request('GET', path, { token });
    const { sellerIds } =
      known.status === 404
        ? await call('POST', '/shops', { token, body: shop })
        : dataOf(known, 'GET', path);
    if (!sellerIds.includes(user.userId)) {
      const body = { sellerIds: [...sellerIds, user.userId] };
      await call('PATCH', path, { token, body });
    }
  });
}

/**
 * Registers an account, unless it exists.
 * @param {import('./accounts.mjs').Account} account
 * @param {string} name
 */
export async function register(account, name) {
  const response = await request('POST', '/auth/register', { body: { ...account, name } });
  if (response.status !== 409) dataOf(response, 'POST', '/auth/register');
}

/**
 * Starts a few simulated devices, which sell and count products as long as the system runs.
 * @param {import('./children.mjs').Children} children
 * @param {import('./terminal.mjs').Terminal} terminal
 */
export function startFleet(children, terminal) {
  const command = ['node', '--import', './scripts/typescript.mjs', 'test/device-fleet/demo.ts'];
  startGuest(children, terminal, 'devices', command, { env: ownEnv(/^(MQTT|GATEWAY)_/) });
  terminal.print(`  ✓ devices: two shelves, two vending machines and a till in ${FLEET_SHOP}`);
}
