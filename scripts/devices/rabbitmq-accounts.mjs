// @ts-check
import { createHash, randomBytes } from 'node:crypto';
import { KINDS, assertSafe } from './broker-files.mjs';

// The device accounts at the MQTT of RabbitMQ: users with permissions, set by its management API.

/** Devices have a virtual host of their own, so that they cannot see the bus. */
export const VHOST = 'devices';
const EXCHANGE = 'amq.topic';
export const HASHING = 'rabbit_password_hashing_sha256';
/** Marks the users that are devices. */
const TAG = 'device';
const TIMEOUT_MS = 30_000;

/** @typedef {import('./broker-files.mjs').Account} Account */

/** What a RabbitMQ stores of a password. @param {string} password */
export function hashOf(password) {
  const salt = randomBytes(4);
  const hash = createHash('sha256').update(salt).update(password).digest();
  return Buffer.concat([salt, hash]).toString('base64');
}

/**
 * The definitions of the platform's own account, with which iot-gateway reads the messages of all devices
 * and sends them commands.
 * @param {import('../start/accounts.mjs').Platform} platform
 */
export function platformDefinitions({ userName, password }) {
  return definitionsOf([
    {
      name: userName,
      hash: hashOf(password),
      tags: [],
      clientId: '.+',
      publishes: 'retail\\.[^.]+\\.[^.]+\\.command',
      // The pattern is compared with the text of the subscription: retail/+/+/+
      subscribes: 'retail\\..+',
    },
  ]);
}

/**
 * Makes these the only device accounts of a RabbitMQ. A device whose account is deleted is disconnected.
 * @param {string} api URL of its management API, with an administrator: http://guest:guest@127.0.0.1:15672
 * @param {readonly Account[]} accounts
 * @returns {Promise<boolean>} whether anything has changed
 */
export async function syncRabbitmqUsers(api, accounts) {
  for (const account of accounts) assertSafe(account);
  const users = /** @type {{ name: string, password_hash: string, tags: string | string[] }[]} */ (
    await callApi(api, 'GET', '/users')
  );
  const known = new Map(
    users
      .filter(({ tags }) => String(tags).split(',').includes(TAG))
      .map((user) => [user.name, user.password_hash]),
  );
  const removed = new Set(known.keys());
  for (const { userName } of accounts) removed.delete(userName);
  const changed = accounts.filter((each) => known.get(each.userName) !== each.saltedSha256);
  if (changed.length > 0) {
    await callApi(api, 'POST', '/definitions', definitionsOf(changed.map((each) => userOf(each))));
  }
  if (removed.size > 0) await callApi(api, 'POST', '/users/bulk-delete', { users: [...removed] });
  return changed.length + removed.size > 0;
}

/** @param {Account} account */
function userOf({ userName, saltedSha256, topic }) {
  // The name of an account is <tenant>/<device>/<version>.
  const device = userName.slice(0, userName.lastIndexOf('/'));
  const deviceId = device.slice(device.indexOf('/') + 1);
  // In AMQP the separator of topics is a dot.
  const own = topic.replaceAll('/', '\\.');
  return {
    name: userName,
    hash: saltedSha256,
    tags: [TAG],
    // Otherwise it could receive the messages that wait for another device. RabbitMQ checks the id of a
    // client that subscribes only, and ends the connection of another client with the same id. A device
    // that adds a secret part cannot be disconnected in this way.
    clientId: `(${deviceId}|${device}(/[0-9]+(/[A-Za-z0-9_-]{1,64})?)?)`,
    publishes: `${own}\\.(${KINDS.join('|')})`,
    subscribes: `${own}\\.command`,
  };
}

/**
 * A user with its permissions. `clientId`, `publishes` and `subscribes` are patterns of what it may use.
 * @typedef {{ name: string, hash: string, tags: string[], clientId: string, publishes: string, subscribes: string }} User
 */

/** @param {User[]} all */
function definitionsOf(all) {
  return {
    users: all.map(({ name, hash, tags }) => ({
      name,
      tags,
      password_hash: hash,
      hashing_algorithm: HASHING,
    })),
    permissions: all.map(({ name, clientId }) => {
      // The queue of an MQTT session.
      const queue = `mqtt-subscription-${clientId}qos[01]`;
      const use = `^(amq\\.topic|${queue})$`;
      return { user: name, vhost: VHOST, configure: `^${queue}$`, write: use, read: use };
    }),
    topic_permissions: all.map(({ name, publishes, subscribes }) => ({
      user: name,
      vhost: VHOST,
      exchange: EXCHANGE,
      write: `^${publishes}$`,
      read: `^${subscribes}$`,
    })),
  };
}

/**
 * Calls the management API. Throws if the response is not a success.
 * @param {string} api
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<unknown>} the parsed response; undefined if it is empty
 */
async function callApi(api, method, path, body) {
  const { origin, pathname, username, password } = new URL(api);
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const response = await fetch(`${origin}${pathname.replace(/\/$/, '')}/api${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
      'content-type': 'application/json',
    },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await response.text();
  if (!response.ok)
    throw new Error(`RabbitMQ responded to ${path} with ${response.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
