// @ts-check
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { lastLines } from './commands.mjs';
import { relativePath } from './project.mjs';
import { UserError } from './user-error.mjs';

/** @type {[RegExp, string][]} a pattern in the log, and the most likely cause */
const KNOWN_CAUSES = [
  [/EADDRINUSE|address already in use/i, 'its port was taken by another process'],
  [/Cannot find module|MODULE_NOT_FOUND/, 'the build is incomplete: run "npm run build"'],
  [/ENOSPC|no space left|disk is full/i, 'the disk is full'],
  [
    /exit signal: killed|signal: killed|SIGKILL|out of memory|heap limit/i,
    'the machine ran out of memory, or the process was killed',
  ],
  [
    /no such table|malformed|database disk image|not a database/i,
    'a file in data/ is damaged: start again with "npm start -- --fresh"',
  ],
  [/invalid configuration/, 'a setting in the environment is invalid'],
  [/6379.*refused|error connecting to redis/i, 'Redis does not respond'],
  [/5672.*refused|rabbitmq.*(refused|timeout)/i, 'RabbitMQ does not respond'],
  [/kafka: client has run out of available brokers/i, 'Kafka does not respond'],
  [/5432.*refused|failed to (connect to|ping) the database/i, 'PostgreSQL rejected the connection'],
  [/188[34].*refused/i, 'the MQTT broker does not respond'],
  [
    /devices.*(not authori[sz]ed|bad user name)/i,
    'the MQTT broker rejected the account in DEVICES_BROKER_URL',
  ],
  [/devices.*missing url/i, 'DEVICES_BROKER_URL is not set'],
];

// The message of an error stands above its stack and the properties of its causes.
const LINES = 30;
// A log may have grown to any size.
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

/** The last lines of a log; none if there is no such file. @param {string} log */
export const lastLogLines = (log) => {
  try {
    return lastLines(endOf(log), LINES);
  } catch {
    return [];
  }
};

/**
 * The error for a process that ended unexpectedly, with the most likely cause and its last lines.
 * @param {string} name
 * @param {string} how it ended, such as "exited with code 1"
 * @param {string} log
 */
export function crashError(name, how, log) {
  const lines = lastLogLines(log);
  const text = `${lines.join('\n')}\n${how}`;
  const cause = KNOWN_CAUSES.find(([pattern]) => pattern.test(text))?.[1];
  return new UserError(
    `${name} ${how}${cause ? `, most likely because ${cause}` : ''}. Log: ${relativePath(log)}`,
    lines,
  );
}
