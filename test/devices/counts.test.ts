import { expect, test } from '@jest/globals';
import { ProgressView } from '../device-fleet/progress-view';
import { runFleet } from '../device-fleet/run';
import { startFaultySystem } from '../device-fleet/system';
import { ADMIN } from '../harness/system';

const SEED = 7;
const SECONDS = 20;
/** Longer than a dispense command is valid, and so short that the test reports what stays different. */
const REST_MS = 45_000;
/** Fast enough that each kind of action happens within that time. */
const PACE = {
  act: 2,
  disconnect: 20,
  offline: [1, 6],
  misbehave: 4,
  setClock: 5,
  buy: 8,
  repair: 5,
} as const;

test.each([
  ['mosquitto', { kind: 'kill', target: 'iot-gateway', from: 6, to: 8 }],
  ['rabbitmq', { kind: 'stop', target: 'rabbitmq-server', from: 6, to: 8 }],
] as const)('stock, money and presence add up at %s after %j', async (broker, fault) => {
  const system = await startFaultySystem({ seed: SEED, seconds: SECONDS, broker, plan: [fault] });
  const lines: string[] = [];
  const out = { isTTY: false, write: (line: string) => lines.push(line) > 0 };
  try {
    const { urls, hooks, brokerDrops } = system;
    const fleet = { seed: SEED, devices: 12, seconds: SECONDS, pace: PACE, restMs: REST_MS };
    const options = { ...fleet, brokerDrops, admin: ADMIN };
    const view = new ProgressView(out);
    const violations = await runFleet({ ...options, ...urls, ...hooks, view });
    expect(violations).toEqual([]);
    expect(lines.join('')).toContain(`faults: 1 × ${fault.kind} ${fault.target}`);
  } finally {
    await system.stop();
  }
});
