// @ts-check
import { json, runCommand } from './start/command-line.mjs';
import { request } from './start/gateway.mjs';
import { readApps } from './start/project.mjs';
import { mosquitto } from './start/servers/mosquitto.mjs';

const COMMAND = {
  about: 'npm run status prints the health of the running system.',
  usage: 'npm run status [-- <options>]',
  options: { json },
  failsIf: 'the system does not run, or a service is not healthy',
  notes: `Environment variables:
  GATEWAY_URL   the gateway (default: the one of npm start)`,
};

runCommand(COMMAND, async ({ options }) => {
  const { status, data, details, error } = await request('GET', '/health/detailed');
  const health = data ?? details ?? { error };
  // The gateway does not know the simulators of external systems.
  const simulators = readApps().filter(({ appPort }) => appPort === 0);
  if (health.services) health.services.push(...(await Promise.all(simulators.map(healthOf))));
  // Only the sidecar of iot-gateway knows it.
  const gateway = health.services?.find(
    (/** @type {{ service: string }} */ { service }) => service === 'iot-gateway',
  );
  const [mqtt] = mosquitto.ports;
  const { DEVICES_BROKER_URL, GATEWAY_URL } = process.env;
  const isUsual = DEVICES_BROKER_URL === undefined && GATEWAY_URL === undefined;
  if (gateway && isUsual && !(await mosquitto.responds(mqtt))) {
    const fault = `no MQTT broker responds on port ${mqtt}: devices wait for one`;
    gateway.faults = [...(gateway.faults ?? []), fault];
  }
  if (options.json) {
    console.log(JSON.stringify(health, null, 2));
  } else {
    console.log(health.status ?? error);
    for (const { service, status: state, latency, faults = [] } of health.services ?? []) {
      const ms = `${Math.round(latency)} ms`;
      console.log(
        `  ${service.padEnd(26)} ${state.padEnd(10)} ${ms.padStart(7)}  ${faults.join(', ')}`,
      );
    }
  }
  const isHealthy = (/** @type {{ status: string }} */ it) => it.status === 'healthy';
  return status < 400 && (health.services ?? []).every(isHealthy) ? 0 : 1;
});

/** @param {import('./start/project.mjs').App} app */
async function healthOf({ id, port }) {
  const begun = performance.now();
  try {
    const url = `http://127.0.0.1:${port}/health/ready`;
    const { ok, status: code } = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    const latency = performance.now() - begun;
    const state = ok ? 'healthy' : 'unhealthy';
    return { service: id, status: state, latency, faults: ok ? [] : [`status ${code}`] };
  } catch {
    const latency = performance.now() - begun;
    return { service: id, status: 'unhealthy', latency, faults: [`no response on port ${port}`] };
  }
}
