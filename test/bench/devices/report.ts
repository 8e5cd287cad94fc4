import { sum } from '../cpu';
import { figure, spreadText, table } from '../markdown';
import type { Aim } from '../part';
import { median, ratios } from '../statistics';
import type { DevicesResult } from './devices';

const AT_MOST = 1.5;

type Run = DevicesResult['runs'][number];

const MEANING: Readonly<Record<string, string>> = {
  ours: 'iot-gateway, and shop, which it asks whose a message is',
  'ours again': 'the same a second time: how far apart two equals are measured (the noise)',
  bare: 'reads the JSON, and publishes an event of the same fields; and nothing else (below)',
  acknowledges: 'acknowledges, and does nothing',
};

const BARE = [
  'The bare handler is a gRPC server of the same library that asks its sidecar in the same way. What it',
  'lacks: whose a message is and whether that one has signed it, a schema, an identity by which the same',
  'message is the same event, a place among the others, presence, a log and metrics.',
];

function runsOf({ runs }: DevicesResult, arm: string): Run[] {
  return runs.filter((run) => run.arm === arm).sort((left, right) => left.round - right.round);
}

const armsOf = ({ runs }: DevicesResult) => [...new Set(runs.map(({ arm }) => arm))];

/** Microseconds of CPU for a message, in each round. */
const cpuOf = (runs: readonly Run[]) =>
  runs.map(({ cpu, messages }) => (sum(cpu) / messages) * 1_000);

const ratioTo = (result: DevicesResult, arm: string) =>
  ratios(cpuOf(runsOf(result, 'ours')), cpuOf(runsOf(result, arm)));

export function aims(result: DevicesResult): Aim[] {
  const ratio = ratioTo(result, 'bare');
  return [
    {
      aim: `a message of a device at most ${AT_MOST} times the CPU of a bare handler`,
      measured: spreadText(ratio),
      met: ratio.median <= AT_MOST,
    },
  ];
}

export function report(result: DevicesResult): string[] {
  const arms = armsOf(result);
  const [first] = result.runs;
  return [
    'What a message of a device costs, from the broker of the devices until its event is on the bus and',
    'the message is acknowledged. Of ten messages five are telemetry, three change a stock, two are',
    'sales, of 100 devices that are known.',
    '',
    ...arms.map((arm) => `- ${arm}: ${MEANING[arm] ?? ''}`),
    '',
    ...BARE,
    '',
    `Each has a sidecar, a mosquitto and a Redis of its own, with the same components. ${first?.messages ?? 0} messages`,
    `at once to one after the other, forth and back, in ${runsOf(result, 'ours').length} rounds, the others having nothing to do.`,
    'CPU is of all processes of an arm but the edge, which has no part in it; the ratio is the median of',
    'those of the rounds, with its quartiles.',
    '',
    ...table(
      ['', 'messages/s', 'CPU µs per message', 'CPU of ours to it'],
      arms.map((arm) => {
        const runs = runsOf(result, arm);
        return [
          arm,
          figure(median(runs.map(({ messages, seconds }) => messages / seconds))),
          figure(median(cpuOf(runs))),
          arm === 'ours' ? '' : spreadText(ratioTo(result, arm)),
        ];
      }),
    ),
    '',
    'By process, in µs of CPU per message:',
    '',
    ...byProcess(result),
  ];
}

function byProcess(result: DevicesResult): string[] {
  const arms = armsOf(result);
  const names = [...new Set(result.runs.flatMap(({ cpu }) => Object.keys(cpu)))];
  const used = (arm: string, name: string) =>
    median(runsOf(result, arm).map(({ cpu, messages }) => ((cpu[name] ?? 0) / messages) * 1_000));
  return table(
    ['process', ...arms],
    names
      .toSorted((left, right) => used('ours', right) - used('ours', left))
      .map((name) => [name, ...arms.map((arm) => figure(used(arm, name)))]),
  );
}
