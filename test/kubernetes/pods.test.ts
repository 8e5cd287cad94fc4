import { beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type Pod, apply, get, pods, tryKubectl } from './cluster/cluster';
import { NAMESPACE, installed } from './cluster/release';
import { figure } from './cluster/report';

const LONG = 600_000;
let all: Pod[];

beforeAll(async () => {
  await installed();
  all = await pods(NAMESPACE);
}, LONG);

const containersOf = ({ metadata, spec }: Pod) =>
  [...spec.initContainers, ...spec.containers].map((container) => ({
    name: `${metadata.name} ${container.name}`,
    pod: spec.securityContext,
    own: container.securityContext,
  }));

const Namespace = z.object({ metadata: z.object({ labels: z.record(z.string(), z.string()) }) });

test('every pod is admitted under the restricted Pod Security Standard', async () => {
  const { metadata } = await get(Namespace, ['namespace', NAMESPACE]);
  expect(metadata.labels['pod-security.kubernetes.io/enforce']).toBe('restricted');
  expect(all.length).toBeGreaterThan(12);
  figure('pods', `${all.length} with ${all.flatMap(containersOf).length} containers`);
});

test('a pod without the restricted settings is refused there', async () => {
  const { code, stderr } = await tryKubectl([
    ...['run', 'plain', '-n', NAMESPACE, '--image=localhost/cluster/tools:1'],
    ...['--image-pull-policy=Never', '--restart=Never'],
  ]);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/violates PodSecurity "restricted/);
});

test('every container, sidecars too, has a read-only root, no capability and no root user', () => {
  const wrong = all.flatMap(containersOf).filter(({ pod, own }) => {
    const merged = { ...pod, ...own };
    return (
      merged['readOnlyRootFilesystem'] !== true ||
      merged['runAsNonRoot'] !== true ||
      merged['allowPrivilegeEscalation'] !== false ||
      JSON.stringify(merged['capabilities']) !== JSON.stringify({ drop: ['ALL'] }) ||
      JSON.stringify(merged['seccompProfile']) !== JSON.stringify({ type: 'RuntimeDefault' })
    );
  });
  expect(wrong.map(({ name }) => name)).toEqual([]);
});

test('no pod has a token for the API of Kubernetes', () => {
  const mounted = all.filter(({ spec }) => spec.automountServiceAccountToken !== false);
  expect(mounted.map(({ metadata }) => metadata.name)).toEqual([]);
});

const Access = z.object({ status: z.object({ allowed: z.boolean() }) });

test('no service account of the release may do anything in the cluster', async () => {
  const accounts = new Set(all.map(({ spec }) => spec.serviceAccountName ?? 'default'));
  const allowed: string[] = [];
  for (const account of accounts) {
    for (const [verb, resource] of [
      ['get', 'secrets'],
      ['create', 'pods'],
      ['list', 'components'],
    ]) {
      const { stdout } = await tryKubectl(['create', '-f', '-', '-o', 'json'], {
        input: JSON.stringify({
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: {
            user: `system:serviceaccount:${NAMESPACE}:${account}`,
            resourceAttributes: { namespace: NAMESPACE, verb, resource },
          },
        }),
      });
      if (Access.parse(JSON.parse(stdout)).status.allowed)
        allowed.push(`${account} ${verb} ${resource}`);
    }
  }
  expect(allowed).toEqual([]);
});

test('a pod in the network of its node is refused, also with the annotations of an app', async () => {
  await expect(
    apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'privileged',
        namespace: NAMESPACE,
        annotations: { 'dapr.io/enabled': 'true', 'dapr.io/app-id': 'order' },
      },
      spec: {
        hostNetwork: true,
        containers: [{ name: 'app', image: 'localhost/cluster/tools:1', imagePullPolicy: 'Never' }],
      },
    }),
  ).rejects.toThrow(/violates PodSecurity/);
});
