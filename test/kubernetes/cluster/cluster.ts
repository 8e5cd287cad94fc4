import { z } from 'zod';
import { until } from '../../harness/until';
import { HOME, KUBECONFIG, program } from '../node/place';
import { type Outcome, type RunOptions, outcomeOf, run } from '../node/run';

// Runs in the network namespace of the node, where the API, all pods and all Services can be reached.

const ENV = {
  ...process.env,
  KUBECONFIG,
  HELM_CACHE_HOME: `${HOME}/helm`,
  HELM_CONFIG_HOME: `${HOME}/helm`,
  HELM_DATA_HOME: `${HOME}/helm`,
};

/** Runs kubectl, which must succeed; returns what it prints. */
export const kubectl = (args: readonly string[], options: RunOptions = {}): Promise<string> =>
  run(program('kubectl'), args, { env: ENV, ...options });

/** Runs kubectl, which may fail. */
export const tryKubectl = (args: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
  outcomeOf(program('kubectl'), args, { env: ENV, ...options });

/** Runs helm, which must succeed; returns what it prints. */
export const helm = (args: readonly string[], options: RunOptions = {}): Promise<string> =>
  run(program('helm'), args, { env: ENV, ...options });

/** Runs helm, which may fail. */
export const tryHelm = (args: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
  outcomeOf(program('helm'), args, { env: ENV, ...options });

/** Reads an object or a list, as far as the schema goes. */
export async function get<S extends z.ZodType>(
  schema: S,
  args: readonly string[],
): Promise<z.output<S>> {
  return schema.parse(JSON.parse(await kubectl(['get', ...args, '-o', 'json'])));
}

/** Creates or changes objects. */
export const apply = (...objects: object[]): Promise<string> =>
  kubectl(['apply', '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
  });

const Container = z.object({
  name: z.string(),
  restartPolicy: z.string().optional(),
  ports: z.array(z.object({ name: z.string().optional(), containerPort: z.int() })).default([]),
  securityContext: z.record(z.string(), z.unknown()).default({}),
});
const ContainerStatus = z.object({
  name: z.string(),
  ready: z.boolean(),
  restartCount: z.int(),
  state: z.record(z.string(), z.unknown()),
  lastState: z.record(z.string(), z.unknown()).default({}),
  containerID: z.string().default(''),
});
export const Pod = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
    deletionTimestamp: z.string().optional(),
    ownerReferences: z.array(z.object({ kind: z.string(), name: z.string() })).default([]),
  }),
  spec: z.object({
    serviceAccountName: z.string().optional(),
    automountServiceAccountToken: z.boolean().optional(),
    securityContext: z.record(z.string(), z.unknown()).default({}),
    initContainers: z.array(Container).default([]),
    containers: z.array(Container),
  }),
  status: z.object({
    phase: z.string().default('Unknown'),
    podIP: z.string().optional(),
    reason: z.string().optional(),
    conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
    initContainerStatuses: z.array(ContainerStatus).default([]),
    containerStatuses: z.array(ContainerStatus).default([]),
  }),
});
export type Pod = z.output<typeof Pod>;
const Pods = z.object({ items: z.array(Pod) });

/** The pods of a namespace, without those that are being deleted. */
export async function pods(namespace: string, selector = ''): Promise<Pod[]> {
  const { items } = await get(Pods, ['pods', '-n', namespace, '-l', selector]);
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

export const isReady = ({ status }: Pod): boolean =>
  status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True');

/** How many times its containers were restarted. */
export const restartsOf = ({ status }: Pod): number =>
  [...status.initContainerStatuses, ...status.containerStatuses].reduce(
    (sum, { restartCount }) => sum + restartCount,
    0,
  );

/** Whether it is a service of the release, and no job's. */
export const isLasting = ({ metadata }: Pod): boolean =>
  !metadata.ownerReferences.some(({ kind }) => kind === 'Job');

/** Waits until a namespace has pods, and each of them that lasts is ready. */
export async function allReady(namespace: string, withinMs = 120_000): Promise<Pod[]> {
  return until(
    `all pods of ${namespace}`,
    async () => {
      const lasting = (await pods(namespace)).filter(isLasting);
      const unready = lasting.filter((pod) => !isReady(pod)).map(({ metadata }) => metadata.name);
      if (unready.length > 0) throw new Error(`${unready.join(', ')} are not ready`);
      return lasting.length > 0 ? lasting : undefined;
    },
    withinMs,
  );
}

/** Creates a namespace with labels, unless it is there. */
export const createNamespace = (name: string, labels: Readonly<Record<string, string>> = {}) =>
  apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });

/** Runs a command in a container; it may fail. */
export const execute = (
  { metadata }: Pod,
  container: string,
  command: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> =>
  tryKubectl(
    ['exec', '-n', metadata.namespace, metadata.name, '-c', container, '--', ...command],
    options,
  );
