import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { until } from '../../harness/until';
import { run, outcomeOf } from '../node/run';
import { NODE_HOME } from '../node/place';
import {
  type Pod,
  allReady,
  get,
  helm,
  isReady,
  kubectl,
  pods,
  restartsOf,
  tryKubectl,
} from './cluster';
import { DAPR_NAMESPACE } from './dapr';
import type { Disturbance } from './ledger';
import { processesOf, signal } from './processes';
import { NAMESPACE, RELEASE, type Values, bus, install } from './release';
import { FIRST_PASSWORD, addPassword, removePassword, setAccount } from './brokers';

// What happens to a release in its life, planned and not. Each returns when the release is whole again.

const PART = 'app.kubernetes.io/name=omnichannel';
const LONG_MS = 300_000;

/** The pods of the services, without those of internal servers. */
async function servicePods(): Promise<Pod[]> {
  const all = await pods(NAMESPACE, PART);
  return all.filter(({ spec }) => spec.containers.some(({ name }) => name === 'service'));
}

const componentOf = ({ metadata }: Pod) => metadata.labels['app.kubernetes.io/component'] ?? '';

/** One ready pod of each service. */
async function oneOfEach(): Promise<Pod[]> {
  const ready = (await servicePods()).filter(isReady);
  return [...new Map(ready.map((pod) => [componentOf(pod), pod])).values()];
}

const whole = () => allReady(NAMESPACE, LONG_MS);

const Workloads = z.object({
  items: z.array(z.object({ kind: z.string(), metadata: z.object({ name: z.string() }) })),
});

/** Waits until every Deployment and StatefulSet runs its newest version only. */
async function rolledOut(): Promise<void> {
  const { items } = await get(Workloads, ['deployments,statefulsets', '-n', NAMESPACE]);
  for (const { kind, metadata } of items) {
    await kubectl(
      [
        ...['rollout', 'status', `${kind.toLowerCase()}/${metadata.name}`, '-n', NAMESPACE],
        `--timeout=${LONG_MS / 1000}s`,
      ],
      { timeoutMs: LONG_MS + 10_000 },
    );
  }
  await whole();
}

const rollingUpdate: Disturbance = {
  name: 'a rolling update of every service',
  run: async () => {
    const names = [...new Set((await servicePods()).map(componentOf))];
    for (const name of names) {
      const kind = name === 'iot-gateway' ? 'statefulset' : 'deployment';
      await kubectl(['rollout', 'restart', `${kind}/${RELEASE}-${name}`, '-n', NAMESPACE]);
    }
    await rolledOut();
  },
};

/** `values`: those of the release. */
const upgradeAndRollback = (values: readonly Values[]): Disturbance => ({
  name: 'an upgrade of every service, and its rollback',
  run: async () => {
    await install(...values, { sidecar: { logLevel: 'warn' } });
    await rolledOut();
    await helm(['rollback', RELEASE, '-n', NAMESPACE, '--wait', '--timeout', `${LONG_MS / 1000}s`]);
    await rolledOut();
  },
});

/**
 * Evicts every pod as a drain does, as fast as the disruption budgets allow. The node itself stays open: it is the
 * only one, and the pods could go nowhere.
 */
const drain: Disturbance = {
  name: 'an eviction of every pod, as a drain does it',
  run: async () => {
    let held = 0;
    for (const { metadata } of await servicePods()) {
      const evict = async () => {
        const { code, stderr } = await tryKubectl(
          [
            ...['create', '--raw'],
            `/api/v1/namespaces/${NAMESPACE}/pods/${metadata.name}/eviction`,
            ...['-f', '-'],
          ],
          {
            input: JSON.stringify({
              apiVersion: 'policy/v1',
              kind: 'Eviction',
              metadata: { name: metadata.name, namespace: NAMESPACE },
            }),
          },
        );
        if (code === 0 || /not found/i.test(stderr)) return true;
        if (!/disruption budget/i.test(stderr)) throw new Error(stderr);
        held++;
        return false;
      };
      await until(`the eviction of ${metadata.name}`, evict, LONG_MS);
    }
    if (held === 0) throw new Error('no disruption budget held any pod back');
    await rolledOut();
  },
};

/** Kills every process of the sidecar of one pod of each service, which knows nothing of it beforehand. */
const killedSidecars: Disturbance = {
  name: 'a killed sidecar of each service',
  run: async () => {
    for (const pod of await oneOfEach()) {
      signal(pod, 'daprd', 'SIGKILL');
      await sleep(500);
    }
    await whole();
  },
};

/** The same with the services themselves. */
const killedServices: Disturbance = {
  name: 'a killed process of each service',
  run: async () => {
    for (const pod of await oneOfEach()) {
      signal(pod, 'service', 'SIGKILL');
      await sleep(500);
    }
    await whole();
  },
};

/** Removes the pods of Dapr's control plane at once. */
const killedControlPlane: Disturbance = {
  name: "the loss of Dapr's whole control plane",
  run: async () => {
    await kubectl([
      ...['delete', 'pods', '--all', '-n', DAPR_NAMESPACE, '--grace-period=0', '--force'],
    ]);
    await allReady(DAPR_NAMESPACE, LONG_MS);
    await whole();
  },
};

const OOM_KILLED = z.object({ terminated: z.object({ reason: z.literal('OOMKilled') }) });

/**
 * Fills the memory of a container up to its limit, so that the kernel kills its largest process. What fills it is a
 * file in memory, whose pages count for the process that has written them.
 */
const outOfMemory = (component: string): Disturbance => ({
  name: `the end of a pod of ${component} for lack of memory`,
  run: async () => {
    const pod = (await servicePods()).find((each) => componentOf(each) === component);
    if (pod === undefined) throw new Error(`${component} has no pod`);
    const before = restartsOf(pod);
    const [first] = processesOf(pod, 'service');
    const group = /^\d+:memory:(.*)$/m.exec(first?.cgroup ?? '')?.[1] ?? '';
    const folder = join(NODE_HOME, 'out-of-memory');
    mkdirSync(folder, { recursive: true });
    await run('mount', ['-t', 'tmpfs', 'tmpfs', folder]);
    try {
      const procs = `/sys/fs/cgroup/memory${group}/cgroup.procs`;
      const fill = `echo $$ > ${procs}; exec dd if=/dev/zero of=${folder}/pages bs=1M count=2000`;
      await outcomeOf('sh', ['-c', fill]);
      await until(
        'the restart of the container',
        async () => {
          const now = (await pods(NAMESPACE)).find(
            ({ metadata }) => metadata.name === pod.metadata.name,
          );
          return now !== undefined && restartsOf(now) > before ? now : undefined;
        },
        60_000,
      );
    } finally {
      await outcomeOf('umount', ['--lazy', folder]);
      rmSync(folder, { recursive: true, force: true });
    }
    const now = (await pods(NAMESPACE)).find(({ metadata }) => metadata.name === pod.metadata.name);
    const state = now?.status.containerStatuses.find(({ name }) => name === 'service')?.lastState;
    OOM_KILLED.parse(state);
    await whole();
  },
});

/** A pod whose ephemeral volume is full is evicted by the kubelet. */
const fullVolume: Disturbance = {
  name: 'the eviction of a pod whose volume is full',
  run: async () => {
    const pod = (await servicePods()).find((each) => componentOf(each) === 'notification');
    if (pod === undefined) throw new Error('notification has no pod');
    const { uid, name } = pod.metadata;
    const volumes = join(NODE_HOME, 'kubelet', 'pods', uid, 'volumes', 'kubernetes.io~empty-dir');
    await run('sh', [
      '-c',
      `dd if=/dev/zero of="$(ls -d ${volumes}/* | head -1)/full" bs=1M count=600`,
    ]);
    await until(
      `the eviction of ${name}`,
      async () => {
        const now = (await pods(NAMESPACE)).find(({ metadata }) => metadata.name === name);
        return now === undefined || now.status.reason === 'Evicted';
      },
      LONG_MS,
    );
    await kubectl(['delete', 'pod', name, '-n', NAMESPACE, '--ignore-not-found']);
    await whole();
  },
};

/**
 * The way in which an operator changes a password: the new one beside the old one, and then without it. `values`:
 * those of the release.
 */
const newBrokerPassword = (values: readonly Values[]): Disturbance => ({
  name: 'a new password of the broker',
  run: async () => {
    const password = `another-password-${Date.now()}`;
    await addPassword(password);
    await setAccount(password);
    await install(...values);
    await rolledOut();
    await removePassword(FIRST_PASSWORD);
    // a sidecar with the old password could not connect again
    await whole();
  },
});

/** Everything that can happen to a release with these values. */
export const disturbancesOf = (values: readonly Values[]): Disturbance[] => [
  rollingUpdate,
  upgradeAndRollback(values),
  drain,
  killedSidecars,
  killedServices,
  killedControlPlane,
  outOfMemory('order'),
  fullVolume,
  // only where the test itself manages the accounts of the broker
  ...(bus === 'redis' ? [newBrokerPassword(values)] : []),
];
