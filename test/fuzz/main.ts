import {
  choice,
  json,
  number,
  type Parsed,
  runCommand,
  seed,
  text,
} from '../../scripts/start/command-line.mjs';
import { TARGETS } from './targets/table';

const COMMAND = {
  about: `npm run fuzz sends random inputs to each parser of what comes from outside: bodies, headers, queries,
messages of devices, events. It prints the seed and the smallest input that fails.`,
  usage: 'npm run fuzz [-- <options>]',
  options: {
    runs: number('inputs of each target; those over a socket get a twentieth', {
      default: 20_000,
      min: 1,
    }),
    seed: seed('the seed'),
    target: choice('only this target', Object.keys(TARGETS)),
    path: text('one input of the seed, as it was printed when it failed', 'path'),
    json,
  },
  failsIf: 'a property does not hold',
} as const;

async function main({ options }: Parsed<typeof COMMAND.options>): Promise<number> {
  const { runs, seed, path, target: only } = options;
  const results: object[] = [];
  const print = options.json ? () => {} : console.log;
  let failures = 0;
  for (const [name, open] of Object.entries(TARGETS)) {
    if (only !== undefined && only !== name) continue;
    const target = await open();
    const inputs = path === undefined ? Math.max(1, Math.floor(runs / target.cost)) : 1;
    const started = performance.now();
    const failure = await target.fuzz({ runs: inputs, seed, path });
    await target.close?.();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    results.push({ target: name, inputs, seed, ...(failure && { failure }) });
    if (failure === undefined) {
      print(`✓ ${name}: ${inputs} inputs (${target.about}) in ${seconds} s, seed ${seed}`);
    } else {
      failures++;
      print(`✗ ${failure.text}`);
      print(
        `  again: npm run fuzz -- --target ${name} --seed ${failure.seed} --path ${failure.path}`,
      );
    }
  }
  if (options.json) console.log(JSON.stringify(results, null, 2));
  return failures === 0 ? 0 : 1;
}

runCommand(COMMAND, main);
