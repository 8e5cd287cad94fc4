import { connectAsync } from 'mqtt';
import { appsOf } from '../harness/apps-of';
import { startSidecars } from '../harness/sidecars';
import { until } from '../harness/until';
import { systemClock } from '#kit/core/clock';
import { start } from '#kit/boot/run';
import { loadSigningKey } from '#kit/security/service-keys';
import { EDGE, UserAssertionSigner } from '#kit/security/user-assertions';
import type { SampleSystem } from './sample-system';
import { startEcho } from './echo-server';
import { answerer, asker } from './sample';

const RESOURCES = [
  'components',
  'components/bus/redis',
  'components/state/sqlite',
  // the input binding of the sample service
  'test/kit/components',
];

/** The sample services with real sidecars. */
export async function sidecarSystem(): Promise<SampleSystem> {
  const apps = appsOf([asker, answerer]);
  const env = { LOG_LEVEL: 'silent' };
  const outside = await startEcho();
  const { endpoints } = outside;
  const options = { resources: RESOURCES, controlPlane: true, env, endpoints };
  const system = await startSidecars(apps, options);
  const order = await start(asker, system.app('order').env);
  const inventory = await start(answerer, system.app('inventory').env);
  const devices = await connectAsync(`mqtt://127.0.0.1:${String(system.mqttPort)}`);
  // subscribed, resolvable, with jobs: the whole sidecar, not only its outbound half
  for (const app of system.apps) {
    await until(
      `${app.id}'s sidecar`,
      async () => {
        return (await fetch(`${app.sidecarUrl}/v1.0/healthz`)).ok;
      },
      30_000,
    );
  }
  const keys = system.app('order').env['SERVICE_KEYS'] ?? '';
  const edge = new UserAssertionSigner(await loadSigningKey(keys, EDGE), systemClock);
  return {
    assertionOf: (caller) => edge.assertionOf(caller),
    order,
    inventory,
    clock: systemClock,
    device: async (topic, payload) => {
      await devices.publishAsync(topic, payload, { qos: 1 });
    },
    publish: (event) =>
      (event.source === 'inventory' ? inventory : order).sidecar.publish(event, 5_000),
    until: async (what, holds) => {
      await until(what, holds, 40_000);
    },
    close: async () => {
      await devices.endAsync();
      await Promise.all([order.stop(), inventory.stop()]);
      await system.stop();
      await outside.stop();
    },
  };
}
