// @ts-check
// npm run status [-- --json]: how the running system is.
import { runScript } from './start/fault.mjs';
import { request } from './start/gateway.mjs';

await runScript(async () => {
  const { status, data, details, error } = await request('GET', '/health/detailed');
  const health = data ?? details ?? { error };
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify(health, null, 2));
  } else {
    console.log(health.status ?? error);
    for (const { service, status: state, latency, faults = [] } of health.services ?? []) {
      const ms = `${Math.round(latency)} ms`;
      console.log(
        `  ${service.padEnd(14)} ${state.padEnd(10)} ${ms.padStart(7)}  ${faults.join(', ')}`,
      );
    }
  }
  if (status >= 400) process.exitCode = 1;
});
