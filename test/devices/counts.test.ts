import { expect, test } from '@jest/globals';
import { ADMIN } from '../harness/system';
import { simulate } from '../device-fleet/run';
import { startFaulty } from '../device-fleet/system';
import { View } from '../device-fleet/view';

const SEED = 7;
const SECONDS = 20;
/** As much in a short time as it takes to see each kind of thing happen. */
const PACE = { act: 2, fall: 20, away: [1, 6], misbehave: 4, buy: 8, repair: 5 } as const;

test('what devices tell over a real broker adds up, though the service that hears them is killed', async () => {
  const kill = { kind: 'kill', target: 'iot-gateway', from: 6, to: 8 } as const;
  const system = await startFaulty(SEED, SECONDS, [kill]);
  const lines: string[] = [];
  const out = { isTTY: false, write: (line: string) => lines.push(line) > 0 };
  try {
    const { place, hooks } = system;
    const options = { seed: SEED, devices: 12, seconds: SECONDS, pace: PACE, admin: ADMIN };
    const violations = await simulate({ ...options, ...place, ...hooks, view: new View(out) });
    expect(violations).toEqual([]);
    expect(lines.join('')).toContain('faults: 1 × kill iot-gateway');
  } finally {
    await system.stop();
  }
});
