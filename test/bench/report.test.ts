import { describe, expect, test } from '@jest/globals';
import { brokers } from './brokers';
import { growth } from './growth';
import { idle } from './idle';
import { figure, table } from './markdown';
import { open } from './open';
import { type OrdersResult, cpuPerOrder, orders } from './orders';
import { report } from './report';

const machine = { cores: 2, memoryGiB: 24, system: 'Linux', node: '26.1.0', dapr: '1.18.2' };

/** CPU in ms per order, by variant and round: two rounds of four orders. */
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
  test('compares the system with each variant, round by round', () => {
    expect(cpuPerOrder(result, 'ours')).toEqual([20, 30]);
    const page = text(orders.report(result));
    expect(page).toContain('| bare sidecars | 1.25 (1.00 to 1.50) |');
    expect(page).toContain('| Dapr Workflow | 0.17 (0.15 to 0.20) |');
  });

  test('shows throughput, latency and CPU of each variant at each level', () => {
    expect(text(orders.report(result))).toContain(
      '| omnichannel   | 8         | 2.00     | 2.00   | 400    | 400    | 8      | 25.0             |',
    );
  });

  test('shows the CPU of each process, the highest first', () => {
    expect(text(orders.report(result))).toContain(
      '| order-sidecar | 18.8        | 18.8        |\n| order         | 6.25        | 6.25        |',
    );
  });

  test('shows which targets are met, except those of variants that did not run', () => {
    expect(orders.aims(result)).toMatchObject([
      { aim: 'CPU of an order at most 1.15 times that of bare sidecars', met: false },
      { aim: 'CPU of an order at most 0.25 times that of a Dapr Workflow', met: true },
      { aim: 'the same for order, order-sidecar, placement, scheduler only', met: true },
    ]);
    expect(orders.aims({ ...result, arms: ['ours'] })).toEqual([]);
  });
});

describe('the chapter on Poisson arrivals', () => {
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

  test('shows the p99.9 only of at least a thousand orders', () => {
    const page = text(open.report(loaded));
    expect(page).toMatch(
      /\| 60 % of saturation +\| 6.00 +\| 1000 +\| 0 +\| 500 .*\| 990 .*\| 999 +\|/,
    );
    expect(page).toMatch(/\| one order at a time .*\| too few +\|/);
  });

  test('compares the p99 under load with the p50 of single orders', () => {
    expect(open.aims(loaded)).toMatchObject([{ measured: '180 times', met: false }]);
    const quick = { ...loaded, loads: [{ ...loaded.loads[0]!, latencies: [30] }] };
    expect(open.aims(quick)).toMatchObject([{ met: true }]);
    const lossy = { ...quick, loads: [{ ...quick.loads[0]!, failed: 1 }] };
    expect(open.aims(lossy)).toMatchObject([{ met: false }]);
  });
});

test('the target for growing data is missed if one size costs more', () => {
  const of = (hundred: number) => ({
    ...{ name: 'pens', one: 5 },
    cpu: { '1x': [10, 20], '1x again': [10, 20], '10x': [10, 20], '100x': [hundred, hundred * 2] },
  });
  expect(growth.aims([of(10.9), of(11.2)])).toMatchObject([
    {
      aim: 'CPU of an order within 10 % with more pens',
      measured: '1.00 at 10x, 1.09 at 100x',
      met: true,
    },
    { measured: '1.00 at 10x, 1.12 at 100x', met: false },
  ]);
  expect(text(growth.report([of(12)]))).toContain('| pens | 5, 50, 500    | 15.0     | 1.00');
});

test('the CPU of an idle system is shown as shares of a core', () => {
  const cpu = { order: 600, gateway: 900 };
  expect(idle.report({ seconds: 30, cpu })).toEqual([
    'CPU over 30 s without orders, as a share of one core.',
    '',
    '| process | % of a core |',
    '| ------- | ----------- |',
    '| all     | 5.00        |',
    '| gateway | 3.00        |',
    '| order   | 2.00        |',
  ]);
  expect(idle.aims({ seconds: 30, cpu })).toMatchObject([{ measured: '5.00 %', met: false }]);
});

test('the document has machine, method, targets, and a chapter for each part', () => {
  const page = report(machine, [{ part: idle, result: { seconds: 30, cpu: { order: 300 } } }]);
  expect(page).toContain('Measured on 2 cores, 24 GiB, Linux, Node 26.1.0, Dapr 1.18.2.');
  expect(page).toContain(
    [
      '## Targets',
      '',
      '| target                                           | measured |     |',
      '| ------------------------------------------------ | -------- | --- |',
      '| CPU of the idle system less than 5 % of one core | 1.00 %   | met |',
      '',
      '## Idle system',
    ].join('\n'),
  );
});

test('tables are as wide as their cells, and figures have three significant digits', () => {
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
  const rounds = (variant: string, broker: string, costs: number[]) =>
    costs.map((ms, round) => ({
      ...{
        round,
        arm: variant,
        inFlight: 8,
        orders: 4,
        seconds: 2 / (round + 1),
        latencies: [1, 2, 3, 4],
      },
      cpu: Object.fromEntries(
        Object.entries({ ...processes, [broker]: 0.3 }).map(([name, share]) => [
          name,
          4 * ms * share,
        ]),
      ),
    }));
  const page = text(
    brokers.report({
      arms: ['redis', 'kafka'],
      runs: [
        ...rounds('redis', 'redis-server', [20, 20, 40]),
        ...rounds('kafka', 'kafka', [30, 40, 80]),
      ],
    }),
  );

  test('shows throughput and CPU of each, and its CPU relative to the first in the same round', () => {
    expect(page).toContain(
      '| kafka  | 4.00 (2.00 to 6.00) | 2.00   | 4.00   | 40.0 (30.0 to 80.0) | 2.00 (1.50 to 2.00)   |',
    );
    expect(page).toMatch(/\| redis +\| 4.00 \(2.00 to 6.00\) .* 20.0 \(20.0 to 40.0\) \| +\|/);
  });

  test('shows the CPU of services, gateway, sidecars and broker', () => {
    const cells = (values: string[]) => new RegExp(`\\| kafka +\\| ${values.join(' +\\| ')} +\\|`);
    expect(page).toMatch(cells(['8.00 .*', '4.00 .*', '16.0 .*', '12.0 .*']));
  });
});

test('a chapter that is not measured again stays as it is, with its targets', () => {
  const idleOf = (ms: number) => ({ part: idle, result: { seconds: 30, cpu: { order: ms } } });
  const old = report(machine, [{ part: orders, result }, idleOf(300)]);
  const now = report(machine, [{ part: orders, result: undefined }, idleOf(600)], old);
  expect(now).toContain(text(orders.report(result)));
  expect(now).toMatch(/of bare sidecars +\| 1.25 \(1.00 to 1.50\) \| missed/);
  expect(now).toMatch(/of one core +\| 2.00 % +\| met/);
  expect(report(machine, [{ part: orders, result }, idleOf(300)], now)).toBe(old);
});
