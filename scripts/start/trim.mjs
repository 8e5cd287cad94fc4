// @ts-check
import { readFileSync } from 'node:fs';
import { ask } from './ports.mjs';
import { inProject } from './project.mjs';

const SCRIPT = inProject('components', 'bus', 'redis', 'trim.lua');
const EVERY_MS = 60_000;
/** About 50 MB a topic: history for a service that joins later. */
const KEEP = 50_000;

/** @param {string[]} words of a command, as Redis takes it */
const command = (...words) =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

/**
 * Takes from a topic what all who hear it have acknowledged, where it has more than `keep` entries.
 * @param {number} port of Redis
 * @param {string} topic
 * @param {number} [keep]
 * @returns {Promise<number>} how many entries were taken
 */
export async function trim(port, topic, keep = KEEP) {
  const script = readFileSync(SCRIPT, 'utf8');
  const answer = await ask(port, Buffer.from(command('EVAL', script, '1', topic, String(keep))));
  const count = /^:(\d+)/.exec(answer?.toString() ?? '')?.[1];
  if (count === undefined) throw new Error(`${topic} cannot be trimmed: ${answer ?? 'no answer'}`);
  return Number(count);
}

/**
 * Trims every topic, now and then, as long as this process runs.
 * @param {number} port of Redis
 */
export function keepTrimmed(port) {
  const { channels } = JSON.parse(readFileSync(inProject('docs', 'asyncapi.json'), 'utf8'));
  setInterval(() => {
    void (async () => {
      for (const topic of Object.keys(channels)) {
        // a Redis that is away, or wants a password, is told of elsewhere
        await trim(port, topic).catch(() => 0);
      }
    })();
  }, EVERY_MS).unref();
}
