// @ts-check
import { setTimeout as sleep } from 'node:timers/promises';
import { readAccounts } from '../start/accounts.mjs';
import { dataOf, login, request } from '../start/gateway.mjs';

const LIMIT = 100;
/** Of the time, as much at most is spent on asking. */
const SHARE = 0.1;

/** @typedef {import('./broker-files.mjs').Account} Account */

class SessionOver extends Error {
  constructor() {
    super('the session of the admin is over');
  }
}

/**
 * The accounts of all devices that are not retired, as the gateway tells them to an admin.
 * @param {string} [token] of one who is logged in; else the first admin logs in
 * @returns {Promise<Account[]>}
 */
export async function listBrokerAccounts(token) {
  const own = token ?? (await login(readAccounts().admin));
  /** @type {Map<string, Account>} */
  const accounts = new Map();
  for (let page = 1, total = 1; (page - 1) * LIMIT < total; page += 1) {
    const path = `/admin/broker-accounts?page=${page}&limit=${LIMIT}`;
    const answer = await request('GET', path, { token: own });
    if (answer.status === 401) throw new SessionOver();
    const data = dataOf(answer, 'GET', path);
    // one that comes in between moves the others
    for (const account of data.items) accounts.set(account.userName, account);
    total = data.total;
  }
  return [...accounts.values()];
}

/**
 * Has a broker know the accounts that there are, again and again, as long as this process runs.
 * @param {(accounts: Account[]) => Promise<void>} admit
 * @param {{ everyMs: number, failed?: (error: unknown) => void }} options at most so often: less often where
 *   there are so many that asking takes long
 * @returns {Promise<never>}
 */
export async function keepAdmitting(admit, { everyMs, failed = () => {} }) {
  /** @type {string | undefined} */
  let token;
  for (;;) {
    let took = 0;
    try {
      token ??= await login(readAccounts().admin);
      const begun = performance.now();
      await admit(await listBrokerAccounts(token));
      took = performance.now() - begun;
    } catch (error) {
      // For nothing else: each login ends the oldest session of the same admin, where there are many.
      if (error instanceof SessionOver) token = undefined;
      failed(error);
    }
    await sleep(Math.max(everyMs, took / SHARE));
  }
}
