import { afterEach, expect, test } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { until } from '../harness/until';
import { cpuBetween, cpuOf, sum } from './cpu';

const children: ChildProcess[] = [];

/** In a process group of its own, as the harness starts processes. */
function start(script: string): number {
  const child = spawn(process.execPath, ['-e', script], { detached: true, stdio: 'ignore' });
  children.push(child);
  return child.pid!;
}

afterEach(() => {
  for (const { pid } of children.splice(0)) process.kill(-pid!, 'SIGKILL');
});

test('a busy process uses CPU, and a waiting one does not', async () => {
  const groups = {
    busy: start('for (;;);'),
    waiting: start('setInterval(() => {}, 1e6)'),
    gone: undefined,
  };
  // both have started
  await until('some CPU', () => Object.values(cpuOf(groups)).filter((ms) => ms > 0).length === 2);
  const before = cpuOf(groups);
  await until('more CPU', () => cpuOf(groups)['busy']! >= before['busy']! + 300);
  const { busy, waiting, gone } = cpuBetween(before, cpuOf(groups));
  expect(busy).toBeGreaterThanOrEqual(300);
  expect(waiting).toBeLessThan(busy!);
  expect(gone).toBe(0);
});

test('the CPU of a process includes that of its children, even if they have ended', async () => {
  const group = start(
    `require('child_process').spawnSync(process.execPath,
       ['-e', 'while (process.cpuUsage().user < 300e3);']);
     setInterval(() => {}, 1e6)`,
  );
  await until('the CPU of a child', () => cpuOf({ group })['group']! >= 300);
});

test('a restarted process counts from its start', () => {
  const used = cpuBetween({ old: 100, new: 500 }, { old: 150, new: 20, more: 7 });
  expect(used).toEqual({ old: 50, new: 20, more: 7 });
  expect(sum(used)).toBe(77);
});
