// @ts-check
// npm stop: ends `npm start` or `dapr run -f dapr.yaml` of this project. See HELP.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { inProject } from './start/project.mjs';
import { runScript } from './start/user-error.mjs';
import { startsOf, stopRun, stopStart, runsOf } from './start/stop.mjs';

const HELP = `npm stop ends what runs of this project: \`npm start\`, or else \`dapr run -f dapr.yaml\`. The services
finish what they are doing while they still have their sidecars. \`dapr stop\` cannot do that: it kills the
sidecars first, and it finds them by the metadata API, which is denied.

Options:
  --run-file <file>   the file that \`dapr run -f\` was given (default: dapr.yaml)
  --help              show this help`;

await runScript(async () => {
  const { values } = parseArgs({
    options: { 'run-file': { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const file = resolve(values['run-file'] ?? inProject('dapr.yaml'));
  const starts =
    values['run-file'] === undefined ? await startsOf(inProject('scripts', 'start.mjs')) : [];
  for (const start of starts) await stopStart(start);
  const runs = starts.length > 0 ? [] : await runsOf(file);
  for (const run of runs) await stopRun(run);
  const stopped = [...starts.map(() => 'npm start'), ...runs.map(() => `dapr run -f ${file}`)];
  console.log(stopped.length === 0 ? 'Nothing is running.' : `Stopped: ${stopped.join(', ')}.`);
});
