// @ts-check
// npm run servers: installs the brokers, databases and the browser that tests start, if they are missing.
import { ensurePrograms, servers } from './start/servers.mjs';
import { Terminal } from './start/terminal.mjs';
import { runScript } from './start/user-error.mjs';

await runScript(async () => {
  const terminal = new Terminal();
  await ensurePrograms(terminal);
  for (const { name, find } of Object.values(servers)) terminal.print(`${name}: ${find()}`);
});
