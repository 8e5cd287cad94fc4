// @ts-check
// npm run ready: installs and builds everything that is needed to start systems, for the commands that
// test or measure them. Prints to stderr, because programs may read the stdout of those commands.
import { buildIsStale, buildServices, installPackages, packagesAreStale } from './start/build.mjs';
import { buildRuntime, findInstalledRuntime } from './start/runtime.mjs';
import { ensurePrograms } from './start/servers.mjs';
import { Terminal } from './start/terminal.mjs';
import { runScript } from './start/user-error.mjs';

await runScript(async () => {
  const terminal = new Terminal(process.stderr);
  if (packagesAreStale()) await installPackages(terminal);
  if (buildIsStale()) await buildServices(terminal);
  if (!(await findInstalledRuntime())) await buildRuntime(terminal);
  await ensurePrograms(terminal);
});
