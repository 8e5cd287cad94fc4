import { describe, expect, test } from '@jest/globals';
import { brokers } from './brokers';
import { growth } from './growth';
import { idle } from './idle';
import { figure, table } from './markdown';
import { open } from './open';
import { type OrdersResult, cpuPerOrder, orders } from './orders';
import { report } from './report';

const machine = { cores: 2, memoryGiB: 24, system: 'Linux', node: '26.1.0', dapr: '1.18.2' };

/** Two rounds of four orders; how many ms of CPU an order costs, by arm and round. */
const costs = { ours: [20, 30], bare: [20, 20], workflow: [100, 200] };
const result: OrdersResult = {
  arms: Object.keys(costs),
  runs: Object.entries(costs).flatMap(([arm, rounds]) =>
    rounds.flatMap((ms, round) =>
      [1, 8].map((inFlight) => ({
        ...{ round, arm, inFlight, orders: 4, seconds: 2, latencies: [1, 2, 3, 400] },
        cpu: { order: ms, 'order-sidecar': ms * 3 },
      })),
    ),
  ),
};

const text = (lines: string[]) => lines.join('\n');

describe('the chapter on orders', () => {
  test('compares with each other arm round by round', () => {
    expect(cpuPerOrder(result, 'ours')).toEqual([20, 30]);
    const said = text(orders.report(result));
    expect(said).toContain('| bare           | 1.25 (1.00 to 1.50) |');
    expect(said).toContain('| workflow       | 0.17 (0.15 to 0.20) |');
  });

  test('has speed, latency and CPU of each arm at each level', () => {
    expect(text(orders.report(result))).toContain(
      '| ours     | 8         | 2.00     | 2.00   | 400    | 400    | 8      | 25.0             |',
    );
  });

  test('has the CPU of each process, the dearest first', () => {
    expect(text(orders.report(result))).toContain(
      '| order-sidecar | 18.8        | 18.8        |\n| order         | 6.25        | 6.25        |',
    );
  });

  test('says of each aim whether it is met, and nothing of arms that did not run', () => {
    expect(orders.aims(result)).toMatchObject([
      { aim: 'at most 1.15 times the CPU of bare sidecars', met: false },
      { aim: 'at most 0.25 times the CPU of a Dapr Workflow', met: true },
      { aim: 'the same of order, order-sidecar, placement, scheduler alone', met: true },
    ]);
    expect(orders.aims({ ...result, arms: ['ours'] })).toEqual([]);
  });
});

describe('the chapter on arrivals', () => {
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
  const loaded = {
    alone: numbers(10),
    capacity: 20,
    steps: [
      { rate: 10, left: 2, p99: 30, kept: true },
      { rate: 12, left: 40, p99: 900, kept: false },
    ],
    knee: 10,
    loads: [{ share: 0.6, rate: 6, failed: 0, latencies: numbers(1000) }],
  };

  test('has a thousandth only where there are a thousand', () => {
    const said = text(open.report(loaded));
    expect(said).toMatch(
      /\| 60 % of the knee \| 6.00 +\| 1000 +\| 0 +\| 500 .*\| 990 .*\| 999 +\|/,
    );
    expect(said).toMatch(/\| one alone .*\| too few +\|/);
  });

  test('compares the tail under load with an order alone', () => {
    expect(open.aims(loaded)).toMatchObject([{ measured: '180 times', met: false }]);
    const quick = { ...loaded, loads: [{ ...loaded.loads[0]!, latencies: [30] }] };
    expect(open.aims(quick)).toMatchObject([{ met: true }]);
    const lossy = { ...quick, loads: [{ ...quick.loads[0]!, failed: 1 }] };
    expect(open.aims(lossy)).toMatchObject([{ met: false }]);
  });
});

test('growth is missed by what grows at one size only', () => {
  const of = (hundred: number) => ({
    ...{ name: 'pens', one: 5 },
    cpu: { '1x': [10, 20], '1x again': [10, 20], '10x': [10, 20], '100x': [hundred, hundred * 2] },
  });
  expect(growth.aims([of(10.9), of(11.2)])).toMatchObject([
    { aim: 'within 10 % however many pens', measured: '1.00 at 10x, 1.09 at 100x', met: true },
    { measured: '1.00 at 10x, 1.12 at 100x', met: false },
  ]);
  expect(text(growth.report([of(12)]))).toContain('| pens       | 5, 50, 500    | 15.0     | 1.00');
});

test('an idle system is told in shares of a core', () => {
  const cpu = { order: 600, gateway: 900 };
  expect(idle.report({ seconds: 30, cpu })).toEqual([
    'CPU over 30 s without any order, as a share of one core.',
    '',
    '| process | % of a core |',
    '| ------- | ----------- |',
    '| all     | 5.00        |',
    '| gateway | 3.00        |',
    '| order   | 2.00        |',
  ]);
  expect(idle.aims({ seconds: 30, cpu })).toMatchObject([{ measured: '5.00 %', met: false }]);
});

test('the document has machine, method, aims, and a chapter for each part', () => {
  const said = report(machine, [{ part: idle, result: { seconds: 30, cpu: { order: 300 } } }]);
  expect(said).toContain('Measured on 2 cores, 24 GiB, Linux, Node 26.1.0, Dapr 1.18.2.');
  expect(said).toContain(
    [
      '## Aims',
      '',
      '| aim                                            | measured |     |',
      '| ---------------------------------------------- | -------- | --- |',
      '| the idle system uses less than 5 % of one core | 1.00 %   | met |',
      '',
      '## Idle',
    ].join('\n'),
  );
});

test('tables are as wide as what is in them, and figures have three digits that say something', () => {
  expect(table(['a', 'bcde'], [['fghi', '1']])).toEqual([
    '| a    | bcde |',
    '| ---- | ---- |',
    '| fghi | 1    |',
  ]);
  expect([0, 0.01234, 1.234, 12.34, 123.4, 1234].map(figure)).toEqual([
    ...['0.00', '0.012', '1.23', '12.3', '123', '1234'],
  ]);
});

describe('the chapter on brokers', () => {
  const processes = { order: 0.2, 'order-sidecar': 0.3, gateway: 0.1, 'gateway-sidecar': 0.1 };
  const rounds = (arm: string, broker: string, costs: number[]) =>
    costs.map((ms, round) => ({
      ...{ round, arm, inFlight: 8, orders: 4, seconds: 2 / (round + 1), latencies: [1, 2, 3, 4] },
      cpu: Object.fromEntries(
        Object.entries({ ...processes, [broker]: 0.3 }).map(([name, share]) => [
          name,
          4 * ms * share,
        ]),
      ),
    }));
  const said = text(
    brokers.report({
      arms: ['redis', 'kafka'],
      runs: [
        ...rounds('redis', 'redis-server', [20, 20, 40]),
        ...rounds('kafka', 'kafka', [30, 40, 80]),
      ],
    }),
  );

  test('has speed and CPU of each, and its CPU beside that of the first in the same round', () => {
    expect(said).toContain(
      '| kafka | 4.00 (2.00 to 6.00) | 2.00   | 4.00   | 40.0 (30.0 to 80.0) | 2.00 (1.50 to 2.00)  |',
    );
    expect(said).toMatch(/\| redis \| 4.00 \(2.00 to 6.00\) .* 20.0 \(20.0 to 40.0\) \| +\|/);
  });

  test('has the CPU of services, gateway, sidecars and broker', () => {
    const cells = (values: string[]) => new RegExp(`\\| kafka \\| ${values.join(' +\\| ')} +\\|`);
    expect(said).toMatch(cells(['8.00 .*', '4.00 .*', '16.0 .*', '12.0 .*']));
  });
});

test('a chapter that is not measured anew stays as it is, with its aims', () => {
  const idleOf = (ms: number) => ({ part: idle, result: { seconds: 30, cpu: { order: ms } } });
  const old = report(machine, [{ part: orders, result }, idleOf(300)]);
  const now = report(machine, [{ part: orders, result: undefined }, idleOf(600)], old);
  expect(now).toContain(text(orders.report(result)));
  expect(now).toMatch(/of bare sidecars +\| 1.25 \(1.00 to 1.50\) \| missed/);
  expect(now).toMatch(/of one core +\| 2.00 % +\| met/);
  expect(report(machine, [{ part: orders, result }, idleOf(300)], now)).toBe(old);
});
