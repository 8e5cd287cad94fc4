import { sum } from '../cpu';
import { REPEATED, type Variants, figure, spreadText, table } from '../markdown';
import type { Aim } from '../part';
import { median, ratios } from '../statistics';
import type { DevicesResult } from './devices';

const AT_MOST = 1.5;

type Run = DevicesResult['runs'][number];

const VARIANTS: Variants = {
  ours: { label: 'iot-gateway', meaning: 'with shop, which it calls to look up the device.' },
  'ours again': { label: 'iot-gateway (repeated)', meaning: REPEATED },
  bare: {
    label: 'bare handler',
    meaning: 'parses the JSON and publishes an event with the same fields.',
  },
  acknowledges: { label: 'acknowledge only', meaning: 'acknowledges the message.' },
};
const labelOf = (variant: string) => VARIANTS[variant]?.label ?? variant;

const BARE = [
  'The bare handler is a gRPC server with the same library that uses its sidecar in the same way. It does',
  'not look up the device, verify the signature, validate a schema, derive an event id for deduplication,',
  'track the order of messages and the presence of the device, or write logs and metrics.',
];

function runsOf({ runs }: DevicesResult, variant: string): Run[] {
  return runs.filter((run) => run.arm === variant).sort((left, right) => left.round - right.round);
}

const armsOf = ({ runs }: DevicesResult) => [...new Set(runs.map(({ arm }) => arm))];

/** Microseconds of CPU for a message, in each round. */
const cpuOf = (runs: readonly Run[]) =>
  runs.map(({ cpu, messages }) => (sum(cpu) / messages) * 1_000);

const ratioTo = (result: DevicesResult, variant: string) =>
  ratios(cpuOf(runsOf(result, 'ours')), cpuOf(runsOf(result, variant)));

export function aims(result: DevicesResult): Aim[] {
  const ratio = ratioTo(result, 'bare');
  return [
    {
      aim: `CPU of a device message at most ${AT_MOST} times that of a bare handler`,
      measured: spreadText(ratio),
      met: ratio.median <= AT_MOST,
    },
  ];
}

export function report(result: DevicesResult): string[] {
  const variants = armsOf(result);
  const [first] = result.runs;
  return [
    'The cost of a device message, from the device broker until its event is on the bus and the message is',
    'acknowledged. The messages come from 100 registered devices. Of ten messages, five are telemetry, three',
    'change a stock, and two are sales.',
    '',
    ...variants.map((variant) => `- ${labelOf(variant)}: ${VARIANTS[variant]?.meaning ?? ''}`),
    '',
    ...BARE,
    '',
    'Each variant has a sidecar, a mosquitto and a Redis of its own, with the same components. In each of',
    `${runsOf(result, 'ours').length} rounds the variants get ${first?.messages ?? 0} messages at once, one variant after the other in alternating order,`,
    'while the others are idle. CPU is that of all processes of a variant except the gateway and the user',
    'service, which handle no messages. The ratio is the median of the rounds, with quartiles.',
    '',
    ...table(
      ['variant', 'messages/s', 'CPU µs per message', 'CPU ratio of iot-gateway to it'],
      variants.map((variant) => {
        const runs = runsOf(result, variant);
        return [
          labelOf(variant),
          figure(median(runs.map(({ messages, seconds }) => messages / seconds))),
          figure(median(cpuOf(runs))),
          variant === 'ours' ? '' : spreadText(ratioTo(result, variant)),
        ];
      }),
    ),
    '',
    'CPU in µs per message, by process:',
    '',
    ...byProcess(result),
  ];
}

function byProcess(result: DevicesResult): string[] {
  const variants = armsOf(result);
  const names = [...new Set(result.runs.flatMap(({ cpu }) => Object.keys(cpu)))];
  const used = (variant: string, name: string) =>
    median(
      runsOf(result, variant).map(({ cpu, messages }) => ((cpu[name] ?? 0) / messages) * 1_000),
    );
  return table(
    ['process', ...variants.map(labelOf)],
    names
      .toSorted((left, right) => used('ours', right) - used('ours', left))
      .map((name) => [name, ...variants.map((variant) => figure(used(variant, name)))]),
  );
}
