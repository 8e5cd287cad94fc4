import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { inProject } from '../../../scripts/start/project.mjs';
import { LoggedIn, Edge } from '../../e2e/edge';
import { EdgeFixture, openShop } from '../../e2e/fixtures';
import { until } from '../../harness/until';
import { BUSES, type Bus } from '../../harness/transports';
import { HOME, NETWORK } from '../node/place';
import { SERVER_IMAGES, PLATFORM_IMAGE, SIDECAR_IMAGE } from '../node/platform-images';
import { allReady, createNamespace, get, helm, kubectl, tryHelm } from './cluster';
import { installDapr } from './dapr';
import { limits } from './limits';

export const CHART = inProject('deploy', 'chart');
export const NAMESPACE = 'shop';
export const RELEASE = 'omnichannel';
/** The port of the node where clients reach the edge. */
export const NODE_PORT = 30080;
const INSTALL_SECONDS = 300;

/** The broker of this run. */
export const bus: Bus = BUSES.find((name) => name === process.env['KUBERNETES_BUS']) ?? 'redis';

/** Values of the chart. */
export type Values = Readonly<Record<string, unknown>>;

/** The values with which the tests install the chart: everything in the cluster, and the images of this machine. */
export const VALUES: Values = {
  image: { ...PLATFORM_IMAGE, pullPolicy: 'Never' },
  // two replicas of each service have to fit on two cores, which other work shares
  defaults: { resources: { requests: { cpu: '10m', memory: '64Mi' } } },
  sidecar: { image: SIDECAR_IMAGE, resources: { requests: { cpu: '10m', memory: '32Mi' } } },
  bus: { kind: bus },
  internal: { images: SERVER_IMAGES, pullPolicy: 'Never' },
  gateway: { service: { type: 'NodePort', nodePort: NODE_PORT } },
  // test clients send more than people
  limits: { document: limits() },
};

/** With two replicas of each service, as in production. */
export const TWO_REPLICAS: Values = { defaults: { replicas: 2 } };

/** Labels of a namespace where the restricted Pod Security Standard is enforced. */
export const RESTRICTED = {
  'pod-security.kubernetes.io/enforce': 'restricted',
  'pod-security.kubernetes.io/enforce-version': 'latest',
};

/** The arguments that pass values to helm. */
export function withValues(...all: readonly Values[]): string[] {
  mkdirSync(join(HOME, 'values'), { recursive: true });
  return all.flatMap((values, index) => {
    const file = join(HOME, 'values', `${index}.json`);
    writeFileSync(file, JSON.stringify(values));
    return ['--values', file];
  });
}

/** Installs the chart, or upgrades it to these values, and waits until everything is ready. */
export async function install(...values: readonly Values[]): Promise<void> {
  await installDapr();
  await createNamespace(NAMESPACE, RESTRICTED);
  await helm(
    [
      ...['upgrade', '--install', RELEASE, CHART, '-n', NAMESPACE],
      ...[...withValues(VALUES, ...values), '--wait', '--timeout', `${INSTALL_SECONDS}s`],
    ],
    { timeoutMs: (INSTALL_SECONDS + 30) * 1000 },
  );
}

/** The objects of the chart with these values, as the cluster would get them. */
export const template = (...values: readonly Values[]): Promise<string> =>
  helm([
    ...['template', RELEASE, CHART, '-n', NAMESPACE, '--validate', '--skip-tests'],
    ...withValues(VALUES, ...values),
  ]);

/** Installs the chart unless its release is there and has these values. */
export async function installed(...values: readonly Values[]): Promise<EdgeFixture> {
  const { code } = await tryHelm(['status', RELEASE, '-n', NAMESPACE]);
  const wanted = JSON.stringify([VALUES, ...values]);
  if (code !== 0 || (await valuesOfRelease()) !== wanted) {
    // what another theme has left may use another broker, whose accounts this one does not have
    if (code === 0) await uninstall();
    await install(...values);
    await markValues(wanted);
  }
  await allReady(NAMESPACE, INSTALL_SECONDS * 1000);
  return edge();
}

const MARK = 'omnichannel.test/values';
const Namespace = z.object({
  metadata: z.object({ annotations: z.record(z.string(), z.string()).default({}) }),
});

async function valuesOfRelease(): Promise<string | undefined> {
  const { metadata } = await get(Namespace, ['namespace', NAMESPACE]);
  return metadata.annotations[MARK];
}

const markValues = (text: string) =>
  kubectl(['annotate', 'namespace', NAMESPACE, `${MARK}=${text}`, '--overwrite']);

export async function uninstall(): Promise<void> {
  await helm(['uninstall', RELEASE, '-n', NAMESPACE, '--wait', '--timeout', '180s']);
  await kubectl(['wait', '--for=delete', 'pods,pvc', '--all', '-n', NAMESPACE, '--timeout=120s']);
  await kubectl(['annotate', 'namespace', NAMESPACE, `${MARK}-`]);
}

const Secret = z.object({ data: z.record(z.string(), z.base64()) });

/** The values of a Secret. */
export async function secret(name: string): Promise<Record<string, string>> {
  const { data } = await get(Secret, ['secret', name, '-n', NAMESPACE]);
  return Object.fromEntries(
    Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]),
  );
}

export const EDGE_URL = `http://${NETWORK.node}:${NODE_PORT}`;

/** The edge of the release, where its first admin is signed in. */
export async function edge(): Promise<EdgeFixture> {
  const { email = '', password = '' } = await secret(`${RELEASE}-admin`);
  const login = { body: { email, password } };
  const signIn = () => new Edge(EDGE_URL).ask(LoggedIn, 200, 'POST', '/auth/login', login);
  const { token } = await until('the login of the admin', signIn, 30_000);
  const admin = new Edge(EDGE_URL, token);
  await openShop(admin);
  return new EdgeFixture(EDGE_URL, admin);
}
