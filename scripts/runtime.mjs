// @ts-check
import { json, runCommand } from './start/command-line.mjs';
import { DAPR_VERSION, buildRuntime, runtimeIsStale } from './start/runtime.mjs';
import { Terminal } from './start/terminal.mjs';

const COMMAND = {
  about:
    'npm run runtime builds the Dapr runtime in runtime/, unless it is up to date. It needs Go.',
  usage: 'npm run runtime [-- <options>]',
  options: { json },
  failsIf: 'Go is missing or too old, or the build fails',
};

runCommand(COMMAND, async ({ options }) => {
  const terminal = new Terminal(options.json ? process.stderr : process.stdout);
  const stale = runtimeIsStale();
  const { path } = await buildRuntime(terminal);
  if (options.json) {
    console.log(JSON.stringify({ version: DAPR_VERSION, path, built: stale }));
    return;
  }
  terminal.print(`Dapr ${DAPR_VERSION} ${stale ? 'was built' : 'is up to date'} in ${path}.`);
});
