import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Backoff, attemptAsGuest, startGuest } from '../../scripts/start/guest.mjs';
import { UserError } from '../../scripts/start/user-error.mjs';

// A demo process or the demo order that fails is started again; that the system goes on shows
// test/start/documents.test.ts.

const lines: string[] = [];
const terminal = { print: (text = '') => lines.push(text) };

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
  lines.length = 0;
});

test('the pause doubles with each failure up to five minutes, and is short again after a steady minute', () => {
  const backoff = new Backoff();
  const pauses = Array.from({ length: 11 }, () => backoff.next(0) / 1_000);
  expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  expect(backoff.next(59_999)).toBe(300_000);
  expect(backoff.next(60_000)).toBe(1_000);
});

test.each([
  ['that ends', 1],
  ['that ends again and again', 4],
])('a process %s is reported with its last lines and restarted', async (_, times) => {
  let exit: (reason: Error) => void = () => {};
  const start = jest.fn((_name: string, _program: string, _args: string[], options: object) => {
    // the options of startGuest have it
    exit = (options as { onExit: typeof exit }).onExit;
  });
  startGuest({ start }, terminal, 'devices', ['node', 'demo.ts'], {});
  for (let time = 1; time <= times; time++) {
    exit(new UserError('devices exited with code 1', ['the last line']));
    expect(lines).toContain('    the last line');
    expect(lines.at(-1)).toMatch(
      /^! devices exited with code 1\n {2}The system goes on. Restarting devices in /,
    );
    expect(start).toHaveBeenCalledTimes(time);
    await jest.advanceTimersByTimeAsync(1_000 * 2 ** (time - 1));
    expect(start).toHaveBeenCalledTimes(time + 1);
  }
});

test('a process that cannot be started is tried again', async () => {
  const start = jest.fn<() => void>().mockImplementationOnce(() => {
    throw new UserError('The disk is full.');
  });
  startGuest({ start }, terminal, 'devices', ['node'], {});
  expect(lines.join('\n')).toContain('! The disk is full.');
  await jest.advanceTimersByTimeAsync(1_000);
  expect(start).toHaveBeenCalledTimes(2);
});

test('a demo that fails does not hold up the start, and is tried until it succeeds', async () => {
  const work = jest
    .fn<() => Promise<void>>()
    .mockRejectedValueOnce(new UserError('The order was not confirmed.'))
    .mockRejectedValueOnce(new Error('a defect'))
    .mockResolvedValue();
  await attemptAsGuest(terminal, 'demo', work);
  expect(lines).toEqual([
    '! The order was not confirmed.\n  The system goes on. Trying the demo again in 1.0 s.',
  ]);
  await jest.advanceTimersByTimeAsync(60_000);
  expect(work).toHaveBeenCalledTimes(3);
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain('a defect');
});
