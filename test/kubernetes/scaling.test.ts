import { beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Edge } from '../e2e/edge';
import { until } from '../harness/until';
import { allReady, get, isReady, kubectl, pods } from './cluster/cluster';
import { installDefinitions } from './cluster/definitions';
import { EDGE_URL, NAMESPACE, RELEASE, edge, installed, template } from './cluster/release';
import { figure } from './cluster/report';

const LONG = 600_000;
const GATEWAY = `${RELEASE}-gateway`;

/** Only the gateway scales, which needs no more than one core for it. */
const SCALED = {
  autoscaling: { enabled: false, cpuPercent: 40 },
  services: {
    gateway: {
      autoscaling: { enabled: true, minReplicas: 1, maxReplicas: 3 },
      resources: { requests: { cpu: '100m', memory: '64Mi' } },
    },
  },
};

const Replicas = z.object({ spec: z.object({ replicas: z.int() }) });
const replicas = async () =>
  (await get(Replicas, ['deployment', GATEWAY, '-n', NAMESPACE])).spec.replicas;

describe('the autoscaler', () => {
  beforeAll(async () => {
    await installed(SCALED);
  }, LONG);

  test(
    'adds gateways under load and removes them afterwards, and no request fails for it',
    async () => {
      const fixture = await edge();
      const [product] = [await fixture.product(1)];
      const stopped = new AbortController();
      const statuses = new Map<string, number>();
      const client = async () => {
        while (!stopped.signal.aborted) {
          const outcome = await new Edge(EDGE_URL).send('GET', `/products/${product}`).then(
            ({ status }) => String(status),
            (error: unknown) => String(error),
          );
          statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1);
        }
      };
      const begun = performance.now();
      const clients = Array.from({ length: 6 }, client);
      try {
        await until('more gateways', async () => (await replicas()) > 1, 180_000);
        figure('scaled up after', `${((performance.now() - begun) / 1000).toFixed(0)} s of load`);
        await until(
          'a second gateway that is ready',
          async () =>
            (await pods(NAMESPACE, 'app.kubernetes.io/component=gateway')).filter(isReady).length >
            1,
          120_000,
        );
        await sleep(5_000);
      } finally {
        stopped.abort();
        await Promise.all(clients);
      }
      const ended = performance.now();
      // a few clients go on while the gateways leave
      const calm = new AbortController();
      const calmClient = (async () => {
        while (!calm.signal.aborted) {
          const outcome = await new Edge(EDGE_URL).send('GET', `/products/${product}`).then(
            ({ status }) => String(status),
            (error: unknown) => String(error),
          );
          statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1);
          await sleep(100);
        }
      })();
      try {
        await until('one gateway', async () => (await replicas()) === 1, 300_000);
        figure('scaled down after', `${((performance.now() - ended) / 1000).toFixed(0)} s`);
        await allReady(NAMESPACE);
      } finally {
        calm.abort();
        await calmClient;
      }
      figure('answers', JSON.stringify(Object.fromEntries(statuses)));
      expect([...statuses.keys()]).toEqual(['200']);
    },
    LONG,
  );
});

describe('KEDA', () => {
  const WITH_KEDA = { autoscaling: { enabled: true, keda: { enabled: true } } };

  test(
    'has a ScaledObject for each service, which its definitions admit',
    async () => {
      await installDefinitions();
      const text = await template(WITH_KEDA);
      const checked = await kubectl(
        ['apply', '--dry-run=server', '--validate=strict', '-n', NAMESPACE, '-f', '-'],
        { input: text },
      );
      const scaled = checked.split('\n').filter((line) => line.startsWith('scaledobject'));
      expect(scaled.length).toBeGreaterThan(8);
      expect(scaled.every((line) => line.includes('(server dry run)'))).toBe(true);
      figure('ScaledObjects admitted', String(scaled.length));
    },
    LONG,
  );
});
