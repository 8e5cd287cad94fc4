import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DAPR_VERSION, checkBuildTools } from '../../../scripts/start/runtime.mjs';
import { inProject } from '../../../scripts/start/project.mjs';
import { HOME, program } from './place';
import { run } from './run';

const MODULES = inProject('test', 'kubernetes', 'modules');
const STAMPS = join(HOME, 'stamps.json');
const BUILD_MS = 3_600_000;

export const KUBERNETES_VERSION = 'v1.34.3';

/** Programs of one module, which Go builds together. */
interface Build {
  /** The folder of the module, with the versions of everything that it is built from. */
  readonly module: string;
  /** The packages, by the name of the program. */
  readonly programs: Readonly<Record<string, string>>;
  readonly variables?: Readonly<Record<string, string>>;
}

/** Clients decide by the server's version what they may send. */
const versionOfKubernetes = Object.fromEntries(
  ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((each) => [
    [`${each}.gitVersion`, KUBERNETES_VERSION],
    [`${each}.gitMajor`, '1'],
    [`${each}.gitMinor`, '34'],
    [`${each}.gitTreeState`, 'clean'],
    [`${each}.gitCommit`, 'none'],
    [`${each}.buildDate`, '1970-01-01T00:00:00Z'],
  ]),
);

const named = (names: readonly string[], packages: string) =>
  Object.fromEntries(names.map((name) => [name, `${packages}/${name}`]));

const BUILDS: readonly Build[] = [
  {
    module: 'kube',
    programs: named(
      [
        ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'],
        ...['kubelet', 'kube-proxy', 'kubectl'],
      ],
      'k8s.io/kubernetes/cmd',
    ),
    variables: versionOfKubernetes,
  },
  { module: 'kube', programs: { etcd: 'go.etcd.io/etcd/server/v3' } },
  { module: 'pause', programs: { pause: '.' } },
  { module: 'dns', programs: { dns: '.' } },
  {
    module: 'policies',
    programs: { 'kube-router': 'github.com/cloudnativelabs/kube-router/v2/cmd/kube-router' },
  },
  {
    module: 'dapr',
    programs: named(
      ['operator', 'injector', 'placement', 'scheduler', 'sentry'],
      'github.com/dapr/dapr/cmd',
    ),
    variables: { 'github.com/dapr/dapr/pkg/buildinfo.version': DAPR_VERSION },
  },
  { module: 'helm', programs: { helm: 'helm.sh/helm/v3/cmd/helm' } },
  { module: 'volumes', programs: { volumes: 'github.com/rancher/local-path-provisioner' } },
  { module: 'metrics', programs: { metrics: 'sigs.k8s.io/metrics-server/cmd/metrics-server' } },
  { module: 'validate', programs: { kubeconform: 'github.com/yannh/kubeconform/cmd/kubeconform' } },
];

const idOf = ({ programs }: Build) => Object.keys(programs).join(' ');

function flagsOf({ variables = {} }: Build): string[] {
  const set = Object.entries(variables).map(([name, value]) => `-X ${name}=${value}`);
  return ['-trimpath', '-buildvcs=false', '-ldflags', ['-s -w', ...set].join(' ')];
}

/** A hash of everything that decides what is built. */
function stampOf(build: Build): string {
  const folder = join(MODULES, build.module);
  const hash = createHash('sha256').update(JSON.stringify([flagsOf(build), build.programs]));
  for (const file of readdirSync(folder).sort()) hash.update(readFileSync(join(folder, file)));
  return hash.digest('hex');
}

function stamps(): Record<string, string> {
  // this program has written the file
  return existsSync(STAMPS)
    ? (JSON.parse(readFileSync(STAMPS, 'utf8')) as Record<string, string>)
    : {};
}

function stale(): Build[] {
  const known = stamps();
  return BUILDS.filter(
    (build) =>
      known[idOf(build)] !== stampOf(build) ||
      Object.keys(build.programs).some((name) => !existsSync(program(name))),
  );
}

/** Whether the programs are built, as the modules say. */
export const areBuilt = (): boolean => stale().length === 0;

/** Builds the programs of the cluster that are missing or out of date. On two cores all of them take 20 minutes. */
export async function buildBinaries(log: (line: string) => void): Promise<void> {
  const missing = stale();
  if (missing.length === 0) return;
  await checkBuildTools();
  mkdirSync(join(HOME, 'bin'), { recursive: true });
  for (const build of missing) {
    const begun = performance.now();
    // an interrupted build leaves nothing that looks complete
    const unfinished = mkdtempSync(join(HOME, 'unfinished-'));
    try {
      const [only, ...others] = Object.entries(build.programs);
      const target = others.length === 0 ? join(unfinished, only![0]) : `${unfinished}/`;
      const packages = Object.values(build.programs);
      await run('go', ['build', ...flagsOf(build), '-o', target, ...packages], {
        cwd: join(MODULES, build.module),
        env: { ...process.env, CGO_ENABLED: '0' },
        timeoutMs: BUILD_MS,
      });
      for (const name of Object.keys(build.programs)) {
        renameSync(join(unfinished, name), program(name));
      }
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
    writeFileSync(STAMPS, JSON.stringify({ ...stamps(), [idOf(build)]: stampOf(build) }));
    const seconds = ((performance.now() - begun) / 1000).toFixed(0);
    log(`built ${idOf(build)} in ${seconds} s`);
  }
}

/** The folder of a module's source, such as Dapr's with its chart. */
export async function sourceOf(module: string, of: string): Promise<string> {
  const options = { cwd: join(MODULES, module) };
  await run('go', ['mod', 'download', of], options);
  return (await run('go', ['list', '-m', '-f', '{{.Dir}}', of], options)).trim();
}
