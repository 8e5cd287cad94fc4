import { describe, expect, test } from '@jest/globals';
import { asks } from './asks';
import { EVERYTHING, type Fault, compactSchedule, schedule } from './schedule';

const targets = {
  processes: ['order', 'order-sidecar', 'redis-server'],
  wires: ['redis-wire', 'provider-wire'],
  disk: 'store',
};
const KINDS = [
  ...['all', 'delay', 'disk-full', 'drop', 'freeze', 'hang', 'kill', 'refuse', 'reset', 'stop'],
];
const kindsOf = (faults: readonly Fault[]) => [...new Set(faults.map(({ kind }) => kind))].sort();

describe('a schedule', () => {
  const faults = schedule(7, 1_800, targets);

  test('is the same for the same seed, and another for another', () => {
    expect(schedule(7, 1_800, targets)).toEqual(faults);
    expect(schedule(8, 1_800, targets)).not.toEqual(faults);
  });

  test('has every kind of fault, and hits everything there is', () => {
    expect(kindsOf(faults)).toEqual(KINDS);
    const hit = new Set(faults.map(({ target }) => target));
    const { processes, wires, disk } = targets;
    expect(hit).toEqual(new Set([...processes, ...wires, disk, EVERYTHING]));
  });

  test('is over when it shall be', () => {
    expect(Math.max(...faults.map(({ to }) => to))).toBeLessThanOrEqual(1_800);
    expect(faults.every(({ from, to }) => from < to)).toBe(true);
  });

  test('hits nothing that is hit already, and everything only at rest', () => {
    for (const [at, fault] of faults.entries()) {
      const meanwhile = faults.slice(0, at).filter((other) => other.to > fault.from);
      expect(meanwhile.map(({ target }) => target)).not.toContain(fault.target);
      if (fault.target === EVERYTHING) expect(meanwhile).toEqual([]);
    }
    expect(faults.some((fault, at) => at > 0 && fault.from < faults[at - 1]!.to)).toBe(true);
  });

  test('leaves out what this machine cannot do', () => {
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

test('what is asked is the same for the same seed', () => {
  const first = (seed: number) => asks(seed, 6).take(500).toArray();
  expect(first(5)).toEqual(first(5));
  expect(first(6)).not.toEqual(first(5));
  expect(new Set(first(5).map(({ what }) => what))).toEqual(new Set(['order', 'adjust', 'replay']));
});
