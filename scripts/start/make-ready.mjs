// @ts-check
import { buildIsStale, buildServices, installPackages, packagesAreStale } from './build.mjs';
import { buildRuntime, findInstalledRuntime } from './runtime.mjs';
import { ensurePrograms } from './servers.mjs';
import { Terminal } from './terminal.mjs';

/**
 * Installs and builds everything that is needed to start systems. Prints to stderr, because programs may read
 * the stdout of the command that needs it.
 */
export async function makeReady(terminal = new Terminal(process.stderr)) {
  if (packagesAreStale()) await installPackages(terminal);
  if (buildIsStale()) await buildServices(terminal);
  if (!(await findInstalledRuntime())) await buildRuntime(terminal);
  await ensurePrograms(terminal);
}
