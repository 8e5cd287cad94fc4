import { SeededRandom } from '../tools/seeded-random';
import { number, type Parsed, runCommand, seed } from '../../scripts/start/command-line.mjs';
import { reportText } from '../chaos/report';
import { disturbancesOf } from './cluster/disturbances';
import { releaseUnderLoad } from './cluster/under-load';
import { ledgerOf, type Disturbance } from './cluster/ledger';

// `npm run chaos -- --kubernetes` runs this in the network of the node.

const COMMAND = {
  about: 'Disturbs the release in a cluster under load, and checks the invariants.',
  usage: 'npm run chaos -- --kubernetes [<options>]',
  options: {
    seed: seed('decides the disturbances and the requests'),
    minutes: number('how long disturbances begin', { default: 5, min: 0.1 }),
    rate: number('requests per second', { default: 2, min: 0.1 }),
  },
  failsIf: 'an invariant is violated',
} as const;
const PAUSE_SECONDS = 8;

async function main({ options }: Parsed<typeof COMMAND.options>): Promise<number> {
  const release = await releaseUnderLoad();
  try {
    const random = new SeededRandom(options.seed, 'disturbances');
    const log = (line: string) => {
      console.log(line);
    };
    const end = Date.now() + options.minutes * 60_000;
    const disturbances = shuffledUntil(end, random, disturbancesOf(release.values));
    const report = await ledgerOf(release, {
      ...{ seed: options.seed, ordersPerSecond: options.rate, pause: PAUSE_SECONDS },
      ...{ disturbances, log },
    });
    log(reportText(report, report.injected));
    const { violations, lost, doubled, stuck } = report;
    return violations.length + lost + doubled + stuck > 0 ? 1 : 0;
  } finally {
    release.close();
  }
}

/** All of them in a random order, again and again, until the time is over. */
function* shuffledUntil(
  end: number,
  random: SeededRandom,
  all: readonly Disturbance[],
): Generator<Disturbance> {
  for (;;) {
    for (const disturbance of random.shuffled(all)) {
      if (Date.now() > end) return;
      yield disturbance;
    }
  }
}

runCommand(COMMAND, main);
