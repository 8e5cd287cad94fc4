import { beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../harness/until';
import {
  type Pod,
  allReady,
  isLasting,
  isReady,
  kubectl,
  pods,
  restartsOf,
} from './cluster/cluster';
import { signal } from './cluster/processes';
import { NAMESPACE, RELEASE, bus, edge, installed } from './cluster/release';
import { figure } from './cluster/report';

const LONG = 900_000;
/** How long a server is down: `OUTAGE_SECONDS=300` for five minutes. */
const OUTAGE_MS = Number(process.env['OUTAGE_SECONDS'] ?? 60) * 1_000;

beforeAll(async () => {
  await installed();
}, LONG);

const services = async () =>
  (await pods(NAMESPACE)).filter(
    ({ metadata, spec }) =>
      isLasting({ metadata } as Pod) && spec.containers.some(({ name }) => name === 'service'),
  );
const restarts = async () =>
  Object.fromEntries((await services()).map((pod) => [pod.metadata.name, restartsOf(pod)]));
const find = async (name: string) =>
  (await pods(NAMESPACE)).find(({ metadata }) => metadata.name === name);

test(
  'a pod whose sidecar hangs is not ready, and is ready again when it answers',
  async () => {
    const [pod] = await pods(NAMESPACE, 'app.kubernetes.io/component=order');
    const before = pod!.status.containerStatuses.map(({ restartCount }) => restartCount);
    signal(pod!, 'daprd', 'SIGSTOP');
    const begun = performance.now();
    try {
      await until(
        'the pod to be unready',
        async () => {
          const now = await find(pod!.metadata.name);
          return now !== undefined && !isReady(now);
        },
        60_000,
      );
      figure('a hung sidecar is noticed', `${((performance.now() - begun) / 1000).toFixed(1)} s`);
    } finally {
      signal(pod!, 'daprd', 'SIGCONT');
    }
    await allReady(NAMESPACE);
    const after = await find(pod!.metadata.name);
    // the service itself was not restarted for it
    expect(after?.status.containerStatuses.map(({ restartCount }) => restartCount)).toEqual(before);
  },
  LONG,
);

/** What a client sees meanwhile: without the broker the catalogue is read as before, without the store it is not. */
const OUTAGES: readonly [what: string, server: string, statuses: readonly number[]][] = [
  ['the broker', bus, [200]],
  ['the store', 'postgresql', [200, 503]],
];

describe.each(OUTAGES)('while %s is down', (_, server, statuses) => {
  const statefulSet = `statefulset/${RELEASE}-${server}`;
  const scale = (replicas: number) =>
    kubectl(['scale', statefulSet, '-n', NAMESPACE, `--replicas=${replicas}`]);

  test(
    'no service is restarted, each client gets an answer, and orders are confirmed again afterwards',
    async () => {
      const fixture = await edge();
      const product = await fixture.product(10);
      const before = await restarts();
      const answers: number[] = [];
      await scale(0);
      try {
        await kubectl(['wait', '--for=delete', `pod/${RELEASE}-${server}-0`, '-n', NAMESPACE]);
        const end = Date.now() + OUTAGE_MS;
        while (Date.now() < end) {
          answers.push((await fixture.anonymous.send('GET', `/products/${product}`)).status);
          await sleep(500);
        }
        expect(await restarts()).toEqual(before);
      } finally {
        await scale(1);
      }
      expect(answers.filter((status) => !statuses.includes(status))).toEqual([]);
      await allReady(NAMESPACE, 180_000);
      const shopper = await until('a shopper', () => fixture.shopper(), 60_000);
      const order = await until('an order', () => shopper.buyConfirmed(product), 120_000);
      expect(order.status).toBe('confirmed');
      expect(await restarts()).toEqual(before);
      const ready = (await services()).filter(isReady).length;
      figure(
        `${server} down for ${OUTAGE_MS / 1000} s`,
        `no restart, ${answers.length} answers, ${ready} pods ready`,
      );
    },
    LONG,
  );
});
