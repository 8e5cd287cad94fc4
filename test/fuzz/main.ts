import { choice, number, parseCommand, runCommand, seed, text } from '../tools/command-line';
import { TARGETS } from './targets/table';

const COMMAND = {
  about: `npm run fuzz sends random inputs to each parser of what comes from outside: bodies, headers, queries,
messages of devices, events. It exits with 1 if a property does not hold, and prints the seed and the
smallest input that fails.`,
  usage: 'npm run fuzz [-- <options>]',
  options: {
    runs: number('inputs of each target; those over a socket get a twentieth', {
      default: 20_000,
      min: 1,
    }),
    seed: seed('the seed'),
    target: choice('only this target', Object.keys(TARGETS)),
    path: text('one input of the seed, as it was printed when it failed', 'path'),
  },
} as const;

async function main(): Promise<number> {
  const options = parseCommand(COMMAND)?.options;
  if (options === undefined) return 0;
  const { runs, seed, path, target: only } = options;
  let failures = 0;
  for (const [name, open] of Object.entries(TARGETS)) {
    if (only !== undefined && only !== name) continue;
    const target = await open();
    const inputs = path === undefined ? Math.max(1, Math.floor(runs / target.cost)) : 1;
    const started = performance.now();
    const failure = await target.fuzz({ runs: inputs, seed, path });
    await target.close?.();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (failure === undefined) {
      console.log(`✓ ${name}: ${inputs} inputs (${target.about}) in ${seconds} s, seed ${seed}`);
    } else {
      failures++;
      console.log(`✗ ${failure.text}`);
      console.log(
        `  again: npm run fuzz -- --target ${name} --seed ${failure.seed} --path ${failure.path}`,
      );
    }
  }
  return failures === 0 ? 0 : 1;
}

runCommand(main);
