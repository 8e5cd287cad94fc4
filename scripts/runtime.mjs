// @ts-check
import { flag, json, runCommand } from './start/command-line.mjs';
import { relativePath } from './start/project.mjs';
import { DAPR_VERSION, buildCli, buildRuntime, runtimeIsStale } from './start/runtime.mjs';
import { Terminal } from './start/terminal.mjs';

const COMMAND = {
  about:
    'npm run runtime builds the Dapr runtime in runtime/, unless it is up to date. It needs Go. npm start does the same.',
  usage: 'npm run runtime [-- <options>]',
  options: {
    json,
    cli: flag(
      'build the dapr command too, if it is not installed: for dapr run, and for its tests',
    ),
  },
  failsIf: 'Go is missing or too old, or the build fails',
};

runCommand(COMMAND, async ({ options }) => {
  const terminal = new Terminal(options.json ? process.stderr : process.stdout);
  const stale = runtimeIsStale();
  const { bin } = await buildRuntime(terminal);
  if (options.cli) await buildCli(terminal);
  if (options.json) {
    console.log(JSON.stringify({ version: DAPR_VERSION, path: bin, built: stale }));
    return;
  }
  const state = stale ? 'was built' : 'is up to date';
  terminal.print(`Dapr ${DAPR_VERSION} ${state} in ${relativePath(bin)}.`);
});
