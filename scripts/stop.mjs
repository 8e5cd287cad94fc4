// @ts-check
import { resolve } from 'node:path';
import { json, runCommand, text } from './start/command-line.mjs';
import { inProject } from './start/project.mjs';
import { startsOf, stopRun, stopStart, runsOf } from './start/stop.mjs';

const COMMAND = {
  about: `npm stop ends what runs of this project: \`npm start\`, or else \`dapr run -f dapr.yaml\`. The services
finish what they are doing while they still have their sidecars. \`dapr stop\` cannot do that: it kills the
sidecars first, and it finds them by the metadata API, which is denied.`,
  usage: 'npm stop [-- <options>]',
  options: {
    'run-file': text('the file that `dapr run -f` was given (default: dapr.yaml)', 'file'),
    json,
  },
  failsIf: 'a process could not be stopped',
};

runCommand(COMMAND, async ({ options }) => {
  const file = resolve(options['run-file'] ?? inProject('dapr.yaml'));
  const starts =
    options['run-file'] === undefined ? await startsOf(inProject('scripts', 'start.mjs')) : [];
  for (const start of starts) await stopStart(start);
  const runs = starts.length > 0 ? [] : await runsOf(file);
  for (const run of runs) await stopRun(run);
  const stopped = [...starts.map(() => 'npm start'), ...runs.map(() => `dapr run -f ${file}`)];
  if (options.json) console.log(JSON.stringify({ stopped }));
  else {
    console.log(stopped.length === 0 ? 'Nothing is running.' : `Stopped: ${stopped.join(', ')}.`);
  }
});
