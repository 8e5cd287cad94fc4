// @ts-check
import { json, runCommand } from './start/command-line.mjs';
import { ensurePrograms, servers } from './start/servers.mjs';
import { Terminal } from './start/terminal.mjs';

const COMMAND = {
  about: `npm run servers installs the brokers, databases and the browser that tests start, if they are missing, and
prints where each is.`,
  usage: 'npm run servers [-- <options>]',
  options: { json },
  failsIf: 'a server cannot be installed',
};

runCommand(COMMAND, async ({ options }) => {
  const terminal = new Terminal(options.json ? process.stderr : process.stdout);
  await ensurePrograms(terminal);
  const found = Object.values(servers).map(({ name, find }) => ({ name, program: find() }));
  if (options.json) console.log(JSON.stringify(found, null, 2));
  else for (const { name, program } of found) terminal.print(`${name}: ${program}`);
});
