// @ts-check
import { createHash, randomBytes } from 'node:crypto';
import { KINDS, assertPlain } from './broker-files.mjs';

// What RabbitMQ's MQTT is to know of who may log in, and what each may do there: users with
// permissions, by its management API.

/** Devices have a virtual host of their own: of the bus in another they see nothing. */
export const VHOST = 'devices';
const EXCHANGE = 'amq.topic';
const HASHING = 'rabbit_password_hashing_sha256';
/** By it the users are found who are devices. */
const TAG = 'device';
const ANSWER_MS = 30_000;

/** @typedef {import('./broker-files.mjs').Account} Account */

/**
 * The platform's own account: by it iot-gateway hears all devices, and commands them.
 * @param {import('../start/accounts.mjs').Platform} platform
 */
export function platformAt({ userName, password }) {
  const salt = randomBytes(4);
  const hash = createHash('sha256').update(salt).update(password).digest();
  return definitionsOf([
    {
      name: userName,
      hash: Buffer.concat([salt, hash]).toString('base64'),
      tags: [],
      clientId: '.+',
      says: 'retail\\.[^.]+\\.[^.]+\\.command',
      // a subscription is asked as it is: retail/+/+/+
      hears: 'retail\\..+',
    },
  ]);
}

/**
 * Makes these, and no others, the accounts of devices at a RabbitMQ. One that is taken away loses its
 * connection.
 * @param {string} api of its management plugin, with an administrator: http://guest:guest@127.0.0.1:15672
 * @param {readonly Account[]} accounts
 * @returns {Promise<boolean>} whether anything was new
 */
export async function admitAtRabbitmq(api, accounts) {
  for (const account of accounts) assertPlain(account);
  const users = /** @type {{ name: string, password_hash: string, tags: string | string[] }[]} */ (
    await ask(api, 'GET', '/users')
  );
  const known = new Map(
    users
      .filter(({ tags }) => String(tags).split(',').includes(TAG))
      .map((user) => [user.name, user.password_hash]),
  );
  const gone = new Set(known.keys());
  for (const { userName } of accounts) gone.delete(userName);
  const fresh = accounts.filter((each) => known.get(each.userName) !== each.saltedSha256);
  if (fresh.length > 0) {
    await ask(api, 'POST', '/definitions', definitionsOf(fresh.map((each) => userOf(each))));
  }
  if (gone.size > 0) await ask(api, 'POST', '/users/bulk-delete', { users: [...gone] });
  return fresh.length + gone.size > 0;
}

/** @param {Account} account */
function userOf({ userName, saltedSha256, topic }) {
  // an account is <tenant>/<device>/<version>
  const device = userName.slice(0, userName.lastIndexOf('/'));
  const deviceId = device.slice(device.indexOf('/') + 1);
  // as AMQP writes it
  const own = topic.replaceAll('/', '\\.');
  return {
    ...{ name: userName, hash: saltedSha256, tags: [TAG] },
    // else it could hear what waits for another
    clientId: `(${deviceId}|${device}(/[0-9]+)?)`,
    says: `${own}\\.(${KINDS.join('|')})`,
    hears: `${own}\\.command`,
  };
}

/**
 * @param {{ name: string, hash: string, tags: string[], clientId: string, says: string, hears: string }[]} all
 */
function definitionsOf(all) {
  return {
    users: all.map(({ name, hash, tags }) => ({
      ...{ name, tags, password_hash: hash, hashing_algorithm: HASHING },
    })),
    permissions: all.map(({ name, clientId }) => {
      // the queue of a session
      const queue = `mqtt-subscription-${clientId}qos[01]`;
      const use = `^(amq\\.topic|${queue})$`;
      return { user: name, vhost: VHOST, configure: `^${queue}$`, write: use, read: use };
    }),
    topic_permissions: all.map(({ name, says, hears }) => ({
      ...{ user: name, vhost: VHOST, exchange: EXCHANGE },
      ...{ write: `^${says}$`, read: `^${hears}$` },
    })),
  };
}

/**
 * @param {string} api
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<unknown>}
 */
async function ask(api, method, path, body) {
  const { origin, pathname, username, password } = new URL(api);
  const who = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const response = await fetch(`${origin}${pathname.replace(/\/$/, '')}/api${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(who).toString('base64')}`,
      'content-type': 'application/json',
    },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`RabbitMQ answered ${path} with ${response.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
