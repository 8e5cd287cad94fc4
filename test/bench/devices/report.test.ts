import { expect, test } from '@jest/globals';
import type { DevicesResult } from './devices';
import { aims, report } from './report';

/** Two rounds of ten messages: milliseconds of CPU in each. */
const costs = { ours: [30, 36], bare: [20, 20] };
const result: DevicesResult = {
  runs: Object.entries(costs).flatMap(([arm, rounds]) =>
    rounds.map((ms, round) => ({
      ...{ round, arm, kind: 'stock' as const, messages: 10, seconds: 2 },
      cpu: { 'iot-gateway': ms / 2, 'iot-gateway-sidecar': ms / 2 },
    })),
  ),
};

test('the chapter on devices has speed and CPU of each arm, and compares them round by round', () => {
  const said = report(result).join('\n');
  expect(said).toContain('| stock (a change) | ours | 5.00       | 3.30   | 1.65 (1.50 to 1.80) |');
  expect(said).toContain('| stock (a change) | bare | 5.00       | 2.00   |                     |');
  expect(said).toContain('| iot-gateway         | 1650        | 1000        |');
});

test('its aim is met where a message costs no more than so many times a bare one', () => {
  expect(aims(result)).toMatchObject([{ measured: '1.65 (1.50 to 1.80)', met: false }]);
});
