// @ts-check
import { readFileSync } from 'node:fs';
import { exchange } from './ports.mjs';
import { inProject } from './project.mjs';

const SCRIPT = inProject('components', 'bus', 'redis', 'trim.lua');
/** @typedef {{ name: string, password: string }} Account */

const EVERY_MS = 60_000;
/** Entries kept in each topic, about 50 MB: history for a service that subscribes later. */
const KEEP = 50_000;

/** A command in the protocol of Redis. @param {string[]} words */
const encodeCommand = (...words) =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

/**
 * Deletes the entries of a topic that all subscribers have acknowledged, if the topic has more than `keep`
 * entries.
 * @param {number} port of Redis
 * @param {string} topic
 * @param {number} [keep]
 * @param {Account} [account] where Redis has accounts
 * @returns {Promise<number>} the number of deleted entries
 */
export async function trim(port, topic, keep = KEEP, account) {
  const script = readFileSync(SCRIPT, 'utf8');
  const authenticate = account ? encodeCommand('AUTH', account.name, account.password) : '';
  const command = encodeCommand('EVAL', script, '1', topic, String(keep));
  // Redis answers commands that it receives together with one packet.
  const response = await exchange(port, Buffer.from(authenticate + command));
  const count = /^(?:\+OK\r\n)?:(\d+)/.exec(response?.toString() ?? '')?.[1];
  if (count === undefined) throw new Error(`cannot trim ${topic}: ${response ?? 'no response'}`);
  return Number(count);
}

/**
 * Trims every topic once a minute, as long as this process runs.
 * @param {number} port of Redis
 * @param {Account} [account] where Redis has accounts
 */
export function keepTrimmed(port, account) {
  const { channels } = JSON.parse(readFileSync(inProject('docs', 'asyncapi.json'), 'utf8'));
  setInterval(() => {
    void (async () => {
      for (const topic of Object.keys(channels)) {
        // A Redis that is down, or that requires a password, is reported elsewhere.
        await trim(port, topic, KEEP, account).catch(() => 0);
      }
    })();
  }, EVERY_MS).unref();
}
