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
    for (const [name, value] of Object.entries(health)) {
      console.log(
        `${name.padEnd(14)} ${typeof value === 'object' ? JSON.stringify(value) : value}`,
      );
    }
  }
  if (status >= 400) process.exitCode = 1;
});
