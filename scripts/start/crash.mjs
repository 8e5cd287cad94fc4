// @ts-check
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { lastLines } from './commands.mjs';
import { Fault } from './fault.mjs';
import { relativePath } from './project.mjs';

/** @type {[RegExp, string][]} what a log says, and what is most likely behind it */
const CAUSES = [
  [/EADDRINUSE|address already in use/i, 'its port was taken by another process'],
  [/Cannot find module|MODULE_NOT_FOUND/, 'the build is incomplete: run "npm run build"'],
  [/ENOSPC|no space left|disk is full/i, 'the disk is full'],
  [
    /exit signal: killed|signal: killed|SIGKILL|out of memory|heap limit/i,
    'the machine ran out of memory, or somebody killed it',
  ],
  [
    /no such table|malformed|database disk image|not a database/i,
    'a file in data/ is damaged: start again with "npm start -- --fresh"',
  ],
  [/configuration is not usable/, 'a setting in the environment is wrong'],
  [/6379.*refused|error connecting to redis/i, 'Redis did not answer'],
  [/5672.*refused|rabbitmq.*(refused|timeout)/i, 'RabbitMQ did not answer'],
  [/kafka: client has run out of available brokers/i, 'Kafka did not answer'],
  [/5432.*refused|failed to (connect to|ping) the database/i, 'PostgreSQL did not let it in'],
  [/1883.*refused/i, 'the MQTT broker did not answer'],
  [/devices.*(not authori[sz]ed|bad user name)/i, 'the MQTT broker has another DEVICES_BROKER_URL'],
  [/devices.*missing url/i, 'DEVICES_BROKER_URL is not set'],
];

// enough for 15 lines with a stack or two; a log may have grown to any size
const END_BYTES = 16 * 1024;

/** @param {string} log */
function endOf(log) {
  const file = openSync(log, 'r');
  try {
    const { size } = fstatSync(file);
    const end = Buffer.alloc(Math.min(size, END_BYTES));
    readSync(file, end, 0, end.length, size - end.length);
    return end.toString();
  } finally {
    closeSync(file);
  }
}

// what `dapr run` puts before each line of a service
const PREFIX = /^== APP - \S+ == /;

/**
 * The last lines of a log, as they were written by the process itself.
 * @param {string} log
 */
export const tailOf = (log) => {
  try {
    return lastLines(endOf(log)).map((line) => line.replace(PREFIX, ''));
  } catch {
    return [];
  }
};

/**
 * A process that ended though nobody stopped it.
 * @param {string} name
 * @param {string} how
 * @param {string} log
 */
export function crash(name, how, log) {
  const lines = tailOf(log);
  const text = `${lines.join('\n')}\n${how}`;
  const cause = CAUSES.find(([sign]) => sign.test(text))?.[1];
  return new Fault(
    `${name} ${how}${cause ? `, most likely because ${cause}` : ', its last lines are above'}. Its log: ${relativePath(log)}`,
    lines,
  );
}
