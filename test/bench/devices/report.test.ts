import { describe, expect, test } from '@jest/globals';
import type { DevicesResult } from './devices';
import { aims, report } from './report';

/** CPU in ms, by variant and round: two rounds of a hundred messages. */
const costs = { ours: [200, 330], bare: [100, 220] };
const result: DevicesResult = {
  runs: Object.entries(costs).flatMap(([arm, rounds]) =>
    rounds.map((ms, round) => {
      const cpu = { 'iot-gateway': ms * 0.75, mosquitto: ms * 0.25 };
      return { round, arm, messages: 100, seconds: 0.5, cpu };
    }),
  ),
};

describe('the chapter on devices', () => {
  const page = report(result).join('\n');

  test('compares the service with each variant, round by round', () => {
    expect(page).toMatch(/\| iot-gateway +\| 200 +\| 2650 +\| +\|/);
    expect(page).toMatch(/\| bare handler +\| 200 +\| 1600 +\| 1.75 \(1.50 to 2.00\) +\|/);
  });

  test('shows the CPU of each process, the highest first', () => {
    expect(page).toMatch(/\| iot-gateway \| 1988 +\| 1200 +\|\n\| mosquitto +\| 663 +\| 400 +\|/);
  });

  test('has one target', () => {
    const [aim] = aims(result);
    expect(aim).toMatchObject({ measured: '1.75 (1.50 to 2.00)', met: false });
  });
});
