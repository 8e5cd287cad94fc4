import { readFileSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Children, logFileOf } from '../../scripts/start/children.mjs';
import { until } from '../harness/until';

// Processes that end, and what npm start does about it.

const NAMES = ['restarts-one', 'restarts-two', 'restarts-three'] as const;
const [ONE, TWO, THREE] = NAMES;
const RUN = 'setInterval(() => {}, 1000); console.log("started");';

let printed: string[];
let children: Children;

beforeEach(() => {
  printed = [];
  children = new Children({ print: (line = '') => printed.push(line) });
});
afterEach(async () => {
  await children.stop();
  for (const name of NAMES) {
    for (const file of [logFileOf(name), `${logFileOf(name)}.previous`])
      rmSync(file, { force: true });
  }
});

const log = (name: string) => readFileSync(logFileOf(name), 'utf8');
const starts = (name: string) => log(name).split('started').length - 1;
const printedLine = (pattern: RegExp) =>
  until(String(pattern), () => printed.find((line) => pattern.test(line)), 20_000);

test('a process that is killed is named with the likely cause, restarted, and reported when it works', async () => {
  let works = false;
  children.start(ONE, 'node', ['-e', RUN], {
    kind: 'service',
    works: () => Promise.resolve(works),
  });
  await until('the start', () => starts(ONE) === 1);
  const [group = 0] = children.groups;
  process.kill(-group, 'SIGKILL');
  const line = await printedLine(/Restarting/);
  expect(line).toBe(
    `! ${ONE} was ended by SIGKILL, most likely because the machine ran out of memory, or the process was killed. Log: .local/logs/${ONE}.log. Restarting it in 0.3 s.`,
  );
  await until('the second start', () => starts(ONE) === 2);
  expect(printed).toHaveLength(1);
  works = true;
  expect(await printedLine(/works again/)).toMatch(
    new RegExp(`^✓ ${ONE} works again after [\\d.]+ s`),
  );
  // its port and files were free: nothing of the first one is left
  expect(children.groups).not.toContain(group);
  expect(() => process.kill(-group, 0)).toThrow('ESRCH');
});

test('the processes that it had started are ended before it is restarted', async () => {
  const parent = `require('node:child_process').spawn('sleep', ['1000']); ${RUN}`;
  children.start(ONE, 'node', ['-e', parent], { kind: 'server' });
  await until('the start', () => starts(ONE) === 1);
  const [group = 0] = children.groups;
  process.kill(group, 'SIGKILL');
  await until('the second start', () => starts(ONE) === 2);
  await until('the end of the group', () => {
    try {
      return !process.kill(-group, 0);
    } catch {
      return true;
    }
  });
});

test('five ends within a minute are a crash loop, which ends the start with the last lines and the cause', async () => {
  const crash = `console.log("started"); console.error("Error: listen EADDRINUSE 127.0.0.1:4000"); process.exit(3)`;
  children.start(ONE, 'node', ['-e', crash], { kind: 'service' });
  const failure = await children.failure.catch((error: unknown) => error);
  expect(failure).toMatchObject({
    message: `${ONE} ended 5 times within a minute. ${ONE} exited with code 3, most likely because its port was taken by another process. Log: .local/logs/${ONE}.log`,
    details: expect.arrayContaining(['Error: listen EADDRINUSE 127.0.0.1:4000']),
  });
  expect(starts(ONE)).toBe(5);
  expect(printed.map((line) => /Restarting it in (.*)\.$/.exec(line)?.[1])).toEqual([
    ...['0.3 s', '0.5 s', '1.0 s', '2.0 s'],
  ]);
});

test('a program that cannot be started ends the start, as a restart would change nothing', async () => {
  children.start(ONE, '/no/such/program', [], { kind: 'server' });
  await expect(children.failure).rejects.toThrow(/could not be started .*ENOENT/);
});

test('a process with a handler of its own is not restarted here', async () => {
  const reasons: Error[] = [];
  children.start(ONE, 'node', ['-e', 'process.exit(1)'], {
    kind: 'guest',
    onExit: (reason) => reasons.push(reason),
  });
  await until('its handler', () => reasons.length > 0);
  expect(reasons[0]?.message).toContain('exited with code 1');
  expect(printed).toEqual([]);
});

describe('the stop', () => {
  const noting = (name: string) =>
    `process.on('SIGTERM', () => { console.log('stopped ' + Date.now() + ' ${name}'); process.exit() }); ${RUN}`;

  test('services end before their sidecars, and those before the servers; none is restarted', async () => {
    children.start(ONE, 'node', ['-e', noting(ONE)], { kind: 'server' });
    children.start(TWO, 'node', ['-e', noting(TWO)], { kind: 'service' });
    children.start(THREE, 'node', ['-e', noting(THREE)], { kind: 'sidecar' });
    await until('all', () => NAMES.every((name) => starts(name) === 1));
    expect(await children.stop()).toEqual([TWO, THREE, ONE]);
    const at = (name: string) => Number(/stopped (\d+)/.exec(log(name))?.[1]);
    expect(at(TWO)).toBeLessThanOrEqual(at(THREE));
    expect(at(THREE)).toBeLessThanOrEqual(at(ONE));
    expect(printed).toEqual([]);
  });

  test('a process that waits for its restart is not started again', async () => {
    children.start(ONE, 'node', ['-e', RUN], { kind: 'service' });
    await until('the start', () => starts(ONE) === 1);
    process.kill(-(children.groups[0] ?? 0), 'SIGKILL');
    await printedLine(/Restarting/);
    await children.stop();
    expect(children.groups).toEqual([]);
    expect(starts(ONE)).toBe(1);
  });
});

test('the log of the last start is kept', async () => {
  children.start(ONE, 'node', ['-e', RUN], { kind: 'service' });
  await until('the start', () => starts(ONE) === 1);
  await children.stop();
  children = new Children({ print: () => {} });
  children.start(ONE, 'node', ['-e', ''], { kind: 'service', onExit: () => {} });
  expect(readFileSync(`${logFileOf(ONE)}.previous`, 'utf8')).toBe('started\n');
});
