// @ts-check
// npm run runtime: builds the Dapr runtime in runtime/, unless it is up to date.
import { DAPR_VERSION, buildRuntime, runtimeIsStale } from './start/runtime.mjs';
import { Terminal } from './start/terminal.mjs';
import { runScript } from './start/user-error.mjs';

await runScript(async () => {
  const terminal = new Terminal();
  const stale = runtimeIsStale();
  const { path } = await buildRuntime(terminal);
  terminal.print(`Dapr ${DAPR_VERSION} ${stale ? 'was built' : 'is up to date'} in ${path}.`);
});
