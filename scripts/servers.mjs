// @ts-check
// npm run servers: installs the brokers and databases that tests start, where they are missing.
import { runScript } from './start/fault.mjs';
import { ensurePrograms, servers } from './start/servers.mjs';
import { Terminal } from './start/terminal.mjs';

await runScript(async () => {
  const terminal = new Terminal();
  await ensurePrograms(terminal);
  for (const { name, find } of Object.values(servers)) terminal.say(`${name} is run by ${find()}.`);
});
