import { describe, expect, test } from '@jest/globals';
import type { DevicesResult } from './devices';
import { aims, report } from './report';

/** Two rounds of a hundred messages; how many ms of CPU they cost, by arm and round. */
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
  const said = report(result).join('\n');

  test('compares each arm with ours round by round', () => {
    expect(said).toContain('| ours | 200        | 2650               |                     |');
    expect(said).toContain('| bare | 200        | 1600               | 1.75 (1.50 to 2.00) |');
  });

  test('has the CPU of each process, the dearest first', () => {
    expect(said).toContain('| iot-gateway | 1988 | 1200 |\n| mosquitto   | 663  | 400  |');
  });

  test('has one aim', () => {
    const [aim] = aims(result);
    expect(aim).toMatchObject({ measured: '1.75 (1.50 to 2.00)', met: false });
  });
});
