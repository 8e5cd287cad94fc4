import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { until } from '../harness/until';
import { get, helm, kubectl, pods, isLasting, tryHelm } from './cluster/cluster';
import { NAMESPACE, RELEASE, edge, install, uninstall } from './cluster/release';
import { duration } from './cluster/report';

const LONG = 600_000;

const Named = z.object({
  items: z.array(z.object({ kind: z.string(), metadata: z.object({ name: z.string() }) })),
});

/** The kinds of objects that a release may create in its namespace. */
const KINDS = [
  ...['deployments', 'statefulsets', 'services', 'configmaps', 'secrets', 'serviceaccounts'],
  ...['networkpolicies', 'poddisruptionbudgets', 'horizontalpodautoscalers', 'cronjobs', 'jobs'],
  ...['ingresses', 'components.dapr.io', 'configurations.dapr.io', 'resiliencies.dapr.io'],
  'persistentvolumeclaims',
  ...['httpendpoints.dapr.io', 'subscriptions.dapr.io', 'pods', 'roles', 'rolebindings'],
].join(',');

/** What every namespace has without a release, and what Kubernetes keeps of the release itself. */
const ofEveryNamespace = /^(default|kube-root-ca\.crt|dapr-trust-bundle|sh\.helm\.release\..*)$/;

async function objects(): Promise<string[]> {
  const { items } = await get(Named, [KINDS, '-n', NAMESPACE]);
  return items
    .filter(({ metadata }) => !ofEveryNamespace.test(metadata.name))
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    .sort();
}

test(
  'helm install leads from nothing to a confirmed order at the NodePort',
  async () => {
    if ((await tryHelm(['status', RELEASE, '-n', NAMESPACE])).code === 0) await uninstall();
    const installing = duration('helm install --wait');
    await install();
    installing();
    const fixture = await edge();
    const shopper = await fixture.shopper();
    const product = await fixture.product(5);
    // the services of a new release answer 503 until each has seen that its sidecar checks who calls it
    const ordering = duration('from there to a confirmed order at the NodePort');
    const key = randomUUID();
    const order = await until('an order', () => shopper.buyConfirmed(product, {}, { key }), 30_000);
    ordering();
    expect(order.status).toBe('confirmed');
    expect(await fixture.stock(product)).toEqual({ available: 4, reserved: 0 });
  },
  LONG,
);

test(
  'helm test places an order that is confirmed',
  async () => {
    const text = await helm(['test', RELEASE, '-n', NAMESPACE, '--timeout', '120s']);
    expect(text).toMatch(/Phase:\s+Succeeded/);
  },
  LONG,
);

test(
  'an upgrade changes the pods that it concerns, and a rollback brings the old ones back',
  async () => {
    const levelOf = async () => {
      const text = await kubectl([
        ...['get', 'deployment', `${RELEASE}-order`, '-n', NAMESPACE, '-o'],
        'jsonpath={.spec.template.spec.containers[0].env[?(@.name=="LOG_LEVEL")].value}',
      ]);
      return text.trim();
    };
    const before = new Set((await pods(NAMESPACE)).map(({ metadata }) => metadata.name));
    const upgrading = duration('helm upgrade --wait of one service');
    await install({ services: { order: { logLevel: 'debug' } } });
    upgrading();
    expect(await levelOf()).toBe('debug');
    const changed = (await pods(NAMESPACE))
      .filter(isLasting)
      .filter(({ metadata }) => !before.has(metadata.name))
      .map(({ metadata }) => metadata.labels['app.kubernetes.io/component']);
    expect(changed).toEqual(['order']);
    const rolling = duration('helm rollback --wait');
    await helm(['rollback', RELEASE, '-n', NAMESPACE, '--wait', '--timeout', '180s']);
    rolling();
    expect(await levelOf()).not.toBe('debug');
    const fixture = await edge();
    const shopper = await fixture.shopper();
    expect(await shopper.buyConfirmed(await fixture.product(1))).toMatchObject({
      status: 'confirmed',
    });
  },
  LONG,
);

test(
  'accounts and data survive an upgrade with the same values',
  async () => {
    const fixture = await edge();
    const product = await fixture.product(7);
    await install();
    // the admin's session and the document are those of before
    expect(await fixture.stock(product)).toEqual({ available: 7, reserved: 0 });
  },
  LONG,
);

test(
  'helm uninstall leaves nothing, and the volumes of a trial end with it',
  async () => {
    const removing = duration('helm uninstall --wait');
    await uninstall();
    removing();
    await until(
      'the end of what the release owned',
      async () => {
        const left = await objects();
        if (left.length > 0) throw new Error(left.join(', '));
        return true;
      },
      60_000,
    );
  },
  LONG,
);
