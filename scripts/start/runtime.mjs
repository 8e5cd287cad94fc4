// @ts-check
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { findProgram, lastLines, run, saysNoNetwork, saysNoSpace } from './commands.mjs';
import { Fault } from './fault.mjs';
import { inProject } from './project.mjs';

/**
 * A Dapr that can run the system.
 * @typedef {object} Runtime
 * @property {string} cli the dapr program
 * @property {string} bin the folder of daprd, placement, scheduler and sentry
 * @property {string} path what DAPR_RUNTIME_PATH must be for the cli to find them
 * @property {string} version of daprd
 * @property {boolean} built here, rather than installed on the machine
 */

export const DAPR_VERSION = '1.18.2';
const CLI_VERSION = '1.16.5';
/** @type {[major: number, minor: number]} */
const OLDEST = [1, 17];
const GO_NEEDED = '1.26.5';
const DISK_NEEDED_GB = 10;

const home = inProject('.runtime');
const source = inProject('runtime');
const stampFile = join(home, 'stamp.json');

const daprdFlags =
  `-s -w -X github.com/dapr/dapr/pkg/buildinfo.version=${DAPR_VERSION} ` +
  `-X github.com/dapr/kit/logger.DaprVersion=${DAPR_VERSION}`;
const dapr = { cwd: source, flags: daprdFlags, into: join('.dapr', 'bin') };

/** @typedef {{ name: string, package: string, cwd: string, flags: string, into: string, tags?: string }} Binary */

/** @type {Binary[]} */
const binaries = [
  { ...dapr, name: 'daprd', package: '.', tags: 'stablecomponents' },
  { ...dapr, name: 'placement', package: 'github.com/dapr/dapr/cmd/placement' },
  { ...dapr, name: 'scheduler', package: 'github.com/dapr/dapr/cmd/scheduler' },
  { ...dapr, name: 'sentry', package: 'github.com/dapr/dapr/cmd/sentry' },
  {
    name: 'dapr',
    package: 'github.com/dapr/cli',
    cwd: join(source, 'cli'),
    flags: `-s -w -X main.version=${CLI_VERSION} -X main.apiVersion=1.0`,
    into: 'bin',
  },
];

/** @param {Binary} binary */
const fileOf = (binary) => join(home, binary.into, binary.name);

/** @param {Binary} binary */
const argsOf = (binary) => [
  'build',
  '-trimpath',
  '-buildvcs=false',
  ...(binary.tags ? ['-tags', binary.tags] : []),
  '-ldflags',
  binary.flags,
];

/** @param {string} folder */
const goFiles = (folder) =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.go'))
    .sort();

/** @param {Binary} binary what it is made of, as one word */
function stampOf(binary) {
  const hash = createHash('sha256').update(JSON.stringify([...argsOf(binary), binary.package]));
  const made = ['go.mod', 'go.sum', ...(binary.package === '.' ? goFiles(binary.cwd) : [])];
  for (const file of made) hash.update(readFileSync(join(binary.cwd, file)));
  return hash.digest('hex');
}

/** @returns {Record<string, string>} */
function readStamps() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'));
  } catch {
    return {};
  }
}

const staleBinaries = () => {
  const stamps = readStamps();
  return binaries.filter((it) => stamps[it.name] !== stampOf(it) || !existsSync(fileOf(it)));
};

/** @returns {Runtime} */
const builtRuntime = () => ({
  cli: join(home, 'bin', 'dapr'),
  bin: join(home, '.dapr', 'bin'),
  path: home,
  version: DAPR_VERSION,
  built: true,
});

/** Whether a build is due, and so Go, the network and disk space are needed. */
export const runtimeIsStale = () => staleBinaries().length > 0;

/**
 * The Dapr that is there already, installed or built.
 * @returns {Promise<Runtime>}
 */
export async function findRuntime() {
  const installed = await findInstalledRuntime();
  if (installed) return installed;
  if (!runtimeIsStale()) return builtRuntime();
  throw new Fault('There is no Dapr here: run "npm run runtime", which builds it.');
}

/**
 * The Dapr installed on this machine, if there is one that has been initialised.
 * @returns {Promise<Runtime | undefined>}
 */
export async function findInstalledRuntime() {
  const cli = findProgram('dapr', [join(home, 'bin')]);
  const path = process.env.DAPR_RUNTIME_PATH?.trim() || homedir();
  const bin = join(path, '.dapr', 'bin');
  const daprd = join(bin, 'daprd');
  if (!cli || path === home || !existsSync(daprd)) return undefined;
  const { output } = await run(daprd, ['--version']);
  const version = /\d+\.\d+(\.\d+)?/.exec(output)?.[0] ?? 'unknown';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new Fault(
      `The Dapr runtime installed in ${bin} is ${version}, and ${OLDEST.join('.')} or newer is needed: ` +
        'run "dapr uninstall" and "dapr init", or take dapr off the PATH to have one built here.',
    );
  }
  return { cli, bin, path, version, built: false };
}

/**
 * Says in one sentence why a build could not succeed here.
 * @returns {Promise<string>} the version of Go
 */
export async function checkBuildTools() {
  if (!findProgram('go')) {
    throw new Fault(
      `Go is missing, which builds the Dapr runtime: install Go ${GO_NEEDED} or newer, or install Dapr itself.`,
    );
  }
  // in the module's folder, where Go says by itself when it is too old for it
  const { code, output } = await run('go', ['env', 'GOVERSION'], { cwd: source });
  if (code !== 0) {
    throw new Fault(
      `Go is too old to build the Dapr runtime: install Go ${GO_NEEDED} or newer, or install Dapr itself.`,
      lastLines(output, 3),
    );
  }
  const disk = statfsSync(source);
  const freeGb = (disk.bavail * disk.bsize) / 1e9;
  if (freeGb < DISK_NEEDED_GB) {
    throw new Fault(
      `Only ${freeGb.toFixed(1)} GB of disk are free, and building the Dapr runtime takes ${DISK_NEEDED_GB} GB: free some, or install Dapr itself.`,
    );
  }
  return output;
}

/**
 * @param {Binary} binary
 * @param {import('./terminal.mjs').Terminal} terminal
 */
async function build(binary, terminal) {
  const file = fileOf(binary);
  // under a name that nobody runs, so that an interrupted build is never taken for a whole one
  const unfinished = `${file}.${process.pid}.unfinished`;
  await terminal.during(
    [binary.name, `building ${binary.name}`],
    async (step) => {
      try {
        const { code, output } = await run(
          'go',
          [...argsOf(binary), '-o', unfinished, binary.package],
          {
            cwd: binary.cwd,
            env: { ...process.env, CGO_ENABLED: '0' },
            onLine: (line) =>
              step.note(line.startsWith('go: downloading') ? 'downloading modules' : ''),
          },
        );
        if (code !== 0) throw buildFault(binary, output);
        chmodSync(unfinished, 0o755);
        renameSync(unfinished, file);
      } finally {
        rmSync(unfinished, { force: true });
      }
    },
    () => 'built',
  );
  writeFileSync(stampFile, JSON.stringify({ ...readStamps(), [binary.name]: stampOf(binary) }));
}

/**
 * @param {Binary} binary
 * @param {string} output
 */
function buildFault(binary, output) {
  if (saysNoSpace(output)) {
    return new Fault(
      `The disk was full before ${binary.name} was built: free ${DISK_NEEDED_GB} GB, then start again.`,
    );
  }
  if (saysNoNetwork(output)) {
    return new Fault(
      'The Go modules of the Dapr runtime cannot be downloaded: check the network and GOPROXY, then start again.',
      lastLines(output, 3),
    );
  }
  return new Fault(
    `${binary.name} cannot be built from runtime/: see what Go says above.`,
    lastLines(output),
  );
}

/**
 * Builds what is missing or stale of the runtime.
 * @param {import('./terminal.mjs').Terminal} terminal
 * @returns {Promise<Runtime>}
 */
export async function buildRuntime(terminal) {
  const stale = staleBinaries();
  if (stale.length > 0) await checkBuildTools();
  for (const binary of stale) {
    mkdirSync(dirname(fileOf(binary)), { recursive: true });
    await build(binary, terminal);
  }
  // the cli refuses to run without these two
  mkdirSync(join(home, '.dapr', 'components'), { recursive: true });
  const config = join(home, '.dapr', 'config.yaml');
  if (!existsSync(config)) {
    writeFileSync(
      config,
      'apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n  name: none\nspec: {}\n',
    );
  }
  return builtRuntime();
}
