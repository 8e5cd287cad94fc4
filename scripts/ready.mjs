// @ts-check
// npm run ready: has all there that it takes to start systems, for the commands that measure or
// break them; what these print themselves may be read by programs, so this is said beside it.
import { buildIsStale, buildServices, installPackages, packagesAreStale } from './start/build.mjs';
import { runScript } from './start/fault.mjs';
import { buildRuntime, findInstalledRuntime } from './start/runtime.mjs';
import { ensurePrograms } from './start/servers.mjs';
import { Terminal } from './start/terminal.mjs';

await runScript(async () => {
  const terminal = new Terminal(process.stderr);
  if (packagesAreStale()) await installPackages(terminal);
  if (buildIsStale()) await buildServices(terminal);
  if (!(await findInstalledRuntime())) await buildRuntime(terminal);
  await ensurePrograms(terminal);
});
