// @ts-check
// npm run runtime: builds the Dapr runtime of runtime/, or says that it is current.
import { runScript } from './start/fault.mjs';
import { DAPR_VERSION, buildRuntime, runtimeIsStale } from './start/runtime.mjs';
import { Terminal } from './start/terminal.mjs';

await runScript(async () => {
  const terminal = new Terminal();
  const stale = runtimeIsStale();
  const { path } = await buildRuntime(terminal);
  terminal.say(`Dapr ${DAPR_VERSION} is ${stale ? 'built' : 'current'} in ${path}.`);
});
