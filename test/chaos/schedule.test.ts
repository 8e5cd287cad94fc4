import { describe, expect, test } from '@jest/globals';
import { workload } from './workload';
import { EVERYTHING, type Fault, compactSchedule, schedule } from './schedule';

const targets = {
  processes: ['order', 'order-sidecar', 'redis-server'],
  wires: ['redis-wire', 'provider-wire'],
  disk: 'store',
};
const KINDS = 'all delay disk-full drop freeze hang kill refuse reset stop'.split(' ');
const kindsOf = (faults: readonly Fault[]) => [...new Set(faults.map(({ kind }) => kind))].sort();

describe('a schedule', () => {
  const faults = schedule(7, 1_800, targets);

  test('is the same for the same seed, and differs for another one', () => {
    expect(schedule(7, 1_800, targets)).toEqual(faults);
    expect(schedule(8, 1_800, targets)).not.toEqual(faults);
  });

  test('has every kind of fault and every target', () => {
    expect(kindsOf(faults)).toEqual(KINDS);
    const hit = new Set(faults.map(({ target }) => target));
    const { processes, wires, disk } = targets;
    expect(hit).toEqual(new Set([...processes, ...wires, disk, EVERYTHING]));
  });

  test('ends within its time', () => {
    expect(Math.max(...faults.map(({ to }) => to))).toBeLessThanOrEqual(1_800);
    expect(faults.every(({ from, to }) => from < to)).toBe(true);
  });

  test('never has two faults of one target, and no other fault with one of all processes', () => {
    for (const [at, fault] of faults.entries()) {
      const meanwhile = faults.slice(0, at).filter((other) => other.to > fault.from);
      expect(meanwhile.map(({ target }) => target)).not.toContain(fault.target);
      if (fault.target === EVERYTHING) expect(meanwhile).toEqual([]);
    }
    expect(faults.some((fault, at) => at > 0 && fault.from < faults[at - 1]!.to)).toBe(true);
  });

  test('leaves out faults that this machine cannot have', () => {
    const { processes, wires } = targets;
    expect(kindsOf(schedule(7, 1_800, { processes, wires }))).not.toContain('disk-full');
  });
});

test('a compact schedule has each kind once, in less than a minute', () => {
  const faults = compactSchedule(3, targets);
  expect(kindsOf(faults)).toEqual(KINDS);
  expect(faults).toHaveLength(KINDS.length);
  expect(faults.at(-1)!.to).toBeLessThan(45);
  expect(compactSchedule(3, targets)).toEqual(faults);
});

test('the workload is the same for the same seed', () => {
  const first = (seed: number) => workload(seed, 6).take(500).toArray();
  expect(first(5)).toEqual(first(5));
  expect(first(6)).not.toEqual(first(5));
  expect(new Set(first(5).map(({ what }) => what))).toEqual(new Set(['order', 'adjust', 'replay']));
});
