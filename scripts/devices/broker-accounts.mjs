// @ts-check
import { readAccounts } from '../start/accounts.mjs';
import { call, login } from '../start/gateway.mjs';

/**
 * The accounts of all devices that are not retired, as the gateway tells them to an admin.
 * @returns {Promise<import('./broker-files.mjs').Account[]>}
 */
export async function listBrokerAccounts() {
  const token = await login(readAccounts().admin);
  const accounts = [];
  for (let page = 1, total = 1; (page - 1) * 100 < total; page += 1) {
    const path = `/admin/broker-accounts?page=${page}&limit=100`;
    const answer = await call('GET', path, { token });
    accounts.push(...answer.items);
    total = answer.total;
  }
  return accounts;
}
