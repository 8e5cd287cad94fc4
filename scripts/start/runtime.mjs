// @ts-check
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { findProgram, lastLines, run, isNetworkFailure, isDiskFull } from './commands.mjs';
import { availableMemory } from './memory.mjs';
import { BuildProgress } from './progress.mjs';
import { inProject } from './project.mjs';
import { UserError } from './user-error.mjs';

/**
 * A Dapr that can run the system.
 * @typedef {object} Runtime
 * @property {string} bin the folder of daprd, placement, scheduler and perhaps sentry
 * @property {string} version of daprd
 * @property {boolean} built true if it was built here, false if it was installed on the machine
 */

export const DAPR_VERSION = '1.18.2';
const CLI_VERSION = '1.16.5';
/** @type {[major: number, minor: number]} */
const OLDEST = [1, 17];
const GO_NEEDED = '1.26.5';
const DISK_NEEDED_GB = 5;

const home = inProject('.runtime');
const bin = join(home, '.dapr', 'bin');
const source = inProject('runtime');
const stampFile = join(home, 'stamp.json');
const patched = join(home, 'patched');

const DAPR = 'github.com/dapr/dapr';

/**
 * The components of Dapr that are linked, by the files that register them. All stable ones would take most of
 * the time of a build. runtime/main.go registers those that the platform changes.
 */
const COMPONENTS = [
  ...['pubsub_redis', 'pubsub_kafka', 'pubsub_in-memory'],
  ...['state_sqlite', 'state_postgres', 'state_redis', 'state_in-memory'],
  ...['bindings_localstorage', 'bindings_cron', 'bindings_http'],
  ...['nameresolution_mdns', 'nameresolution_kubernetes'],
  ...['secretstores_local_env', 'secretstores_local_file', 'secretstores_kubernetes'],
];

/**
 * Placement, scheduler and sentry of this release ignore --healthz-listen-address: their health ports listen
 * on all interfaces. Until a release respects it, they are built with this line of Dapr replaced.
 */
const ON_LOOPBACK = {
  file: join('pkg', 'healthz', 'server', 'server.go'),
  line: 'net.Listen("tcp", fmt.Sprintf(":%d", s.port))',
  by: 'net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))',
};

/**
 * Programs that one command of Go builds: a package that several of them contain is compiled once.
 * @typedef {object} Build
 * @property {string} name
 * @property {string} cwd
 * @property {string} into
 * @property {Record<string, string>} programs their packages, by name
 * @property {string[]} args
 */

// Without debugging information, which takes a fifth of the time.
const SMALL = ['-trimpath', '-buildvcs=false', '-gcflags=all=-dwarf=false'];

/** @type {Build} */
const DAPR_BUILD = {
  name: 'Dapr',
  cwd: source,
  into: bin,
  programs: {
    daprd: 'omnichannel/runtime',
    placement: `${DAPR}/cmd/placement`,
    scheduler: `${DAPR}/cmd/scheduler`,
    sentry: `${DAPR}/cmd/sentry`,
  },
  args: [
    ...SMALL,
    // Of the files with this tag only COMPONENTS are in the copy.
    ...['-tags', 'allcomponents', '-modfile', join(patched, 'go.mod')],
    '-ldflags',
    `-s -w -X ${DAPR}/pkg/buildinfo.version=${DAPR_VERSION} -X github.com/dapr/kit/logger.DaprVersion=${DAPR_VERSION}`,
  ],
};

/** @type {Build} */
const CLI_BUILD = {
  name: 'the dapr command',
  cwd: join(source, 'cli'),
  into: join(home, 'bin'),
  programs: { dapr: 'github.com/dapr/cli' },
  args: [...SMALL, '-ldflags', `-s -w -X main.version=${CLI_VERSION} -X main.apiVersion=1.0`],
};

const BUILDS = [DAPR_BUILD, CLI_BUILD];

/** @param {Build} build */
const filesOf = ({ into, programs }) => Object.keys(programs).map((name) => join(into, name));

/** The files of the programs that are built here, whether they are built yet or not. */
export const builtBinaries = () => BUILDS.flatMap(filesOf);

/** The version of one of these programs. @param {string} name */
export const versionOfBinary = (name) => (name in CLI_BUILD.programs ? CLI_VERSION : DAPR_VERSION);

/** A hash of all inputs of a build. @param {Build} build */
function stampOf({ cwd, programs, args }) {
  const hash = createHash('sha256').update(
    JSON.stringify([
      programs,
      args.filter((arg) => !arg.startsWith(home)),
      COMPONENTS,
      ON_LOOPBACK,
    ]),
  );
  const sources = readdirSync(cwd).filter(
    (name) => /\.go$|^go\.(mod|sum)$/.test(name) && !name.endsWith('_test.go'),
  );
  for (const file of sources.sort()) hash.update(readFileSync(join(cwd, file)));
  return hash.digest('hex');
}

/** @returns {Record<string, string>} by the name of a build */
function readStamps() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'));
  } catch {
    return {};
  }
}

/** @param {Build} build */
const isStale = (build) =>
  readStamps()[build.name] !== stampOf(build) || !filesOf(build).every((file) => existsSync(file));

/** @type {Runtime} */
const builtRuntime = { bin, version: DAPR_VERSION, built: true };

/** Whether a build is due, which needs Go, the network and disk space. */
export const runtimeIsStale = () => isStale(DAPR_BUILD);

/**
 * The Dapr that is installed or was built here. Throws a UserError if there is none.
 * @returns {Promise<Runtime>}
 */
export async function findRuntime() {
  const installed = await findInstalledRuntime();
  if (installed) return installed;
  if (!runtimeIsStale()) return builtRuntime;
  throw new UserError('Dapr is missing: run "npm run runtime", which builds it.');
}

/**
 * The Dapr installed on this machine, if it has been initialised with "dapr init". Throws a UserError if
 * it is too old.
 * @returns {Promise<Runtime | undefined>}
 */
export async function findInstalledRuntime() {
  const installed = join(process.env.DAPR_RUNTIME_PATH?.trim() || homedir(), '.dapr', 'bin');
  const daprd = join(installed, 'daprd');
  if (installed === bin || !existsSync(daprd)) return undefined;
  const { output } = await run(daprd, ['--version']);
  const version = /\d+\.\d+(\.\d+)?/.exec(output)?.[0] ?? 'unknown';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new UserError(
      `The Dapr runtime installed in ${installed} is ${version}, and ${OLDEST.join('.')} or newer is needed: ` +
        'run "dapr uninstall" and "dapr init", or remove that folder so that it is built here.',
    );
  }
  return { bin: installed, version, built: false };
}

/**
 * Checks that Dapr can be built here. Throws a UserError if it cannot.
 * @returns {Promise<string>} the version of Go
 */
export async function checkBuildTools() {
  if (!findProgram('go')) {
    throw new UserError(
      `Go is missing and the Dapr runtime has to be built with it: install Go ${GO_NEEDED} or newer, or install Dapr itself.`,
    );
  }
  // In the folder of the module, Go itself reports that it is too old for the module.
  const { code, output } = await run('go', ['env', 'GOVERSION'], { cwd: source });
  if (code !== 0) {
    throw new UserError(
      `Go is too old to build the Dapr runtime: install Go ${GO_NEEDED} or newer, or install Dapr itself.`,
      lastLines(output, 3),
    );
  }
  const disk = statfsSync(source);
  const freeGb = (disk.bavail * disk.bsize) / 1e9;
  if (freeGb < DISK_NEEDED_GB) {
    throw new UserError(
      `Only ${freeGb.toFixed(1)} GB of disk space are free, and building the Dapr runtime needs ${DISK_NEEDED_GB} GB: free some space, or install Dapr itself.`,
    );
  }
  return output;
}

/**
 * Builds the programs of a build. Go keeps what it has compiled, so a build that failed or was interrupted goes
 * on where it ended.
 * @param {Build} build
 * @param {import('./terminal.mjs').Terminal} terminal
 */
async function runBuild(build, terminal) {
  const { name, cwd, into, programs, args } = build;
  const packages = Object.values(programs);
  // Built elsewhere, so that an interrupted build is never mistaken for a complete one.
  const unfinished = `${into}.unfinished`;
  const go = async (/** @type {string[]} */ words, onLine = ignore) => {
    const env = { GOGC: compilerGoGc(), ...process.env, CGO_ENABLED: '0' };
    const { code, output, stdout } = await run('go', words, { cwd, env, onLine });
    if (code !== 0) throw buildError(name, output);
    return stdout;
  };
  await terminal.runStep(
    [name, `building ${name}`],
    async (step) => {
      try {
        rmSync(unfinished, { recursive: true, force: true });
        mkdirSync(unfinished, { recursive: true });
        const progress = new BuildProgress((text) => step.note(text));
        if (build === DAPR_BUILD) await writePatchedDapr(go, progress.onLine);
        const listed = await go(
          ['list', '-deps', ...args, '-json=ImportPath,Stale,Dir,GoFiles', ...packages],
          progress.onLine,
        );
        progress.setPackages(listed, sizeOf);
        await go(['build', '-v', ...args, '-o', `${unfinished}/`, ...packages], progress.onLine);
        mkdirSync(into, { recursive: true });
        // `dapr run --runtime-path .runtime` needs this folder.
        mkdirSync(join(home, '.dapr', 'components'), { recursive: true });
        for (const [program, from] of Object.entries(programs)) {
          renameSync(join(unfinished, basename(from)), join(into, program));
        }
      } finally {
        rmSync(unfinished, { recursive: true, force: true });
      }
    },
    () => 'built',
  );
  writeFileSync(stampFile, JSON.stringify({ ...readStamps(), [name]: stampOf(build) }));
}

/**
 * How much garbage the compiler lets lie before it collects it. It takes a quarter less time with more, and two
 * of them then need 3 GB.
 */
const compilerGoGc = () => (availableMemory() > 6e9 ? '400' : '100');

/** @type {(line: string) => void} */
const ignore = () => {};

/** @param {string} file */
const sizeOf = (file) => statSync(file).size;

/**
 * Writes a copy of Dapr with ON_LOOPBACK and without the components that are not in COMPONENTS, because Go builds
 * no changed file of its module cache.
 * @param {(words: string[], onLine: (line: string) => void) => Promise<string>} go
 * @param {(line: string) => void} onLine
 */
async function writePatchedDapr(go, onLine) {
  const from = JSON.parse(await go(['mod', 'download', '-json', DAPR], onLine)).Dir;
  const { file, line, by } = ON_LOOPBACK;
  const text = existsSync(join(from, file)) ? readFileSync(join(from, file), 'utf8') : '';
  if (text.split(line).length !== 2) {
    throw new UserError(
      `The build of Dapr in runtime/ failed: ${file} does not have the line ${line}`,
    );
  }
  rmSync(patched, { recursive: true, force: true });
  const copy = join(patched, 'dapr');
  copySource(from, copy);
  writeFileSync(
    join(copy, file),
    text.replace(line, () => by),
  );
  const components = join(copy, 'cmd', 'daprd', 'components');
  const missing = COMPONENTS.filter((name) => !existsSync(join(components, `${name}.go`)));
  if (missing.length > 0) {
    throw new UserError(
      `The build of Dapr in runtime/ failed: it has no component ${missing.join(', ')}`,
    );
  }
  for (const name of readdirSync(components)) {
    if (!COMPONENTS.includes(name.replace(/\.go$/, ''))) rmSync(join(components, name));
  }
  const modules = readFileSync(join(source, 'go.mod'), 'utf8');
  writeFileSync(join(patched, 'go.mod'), `${modules}\nreplace ${DAPR} => ${copy}\n`);
  writeFileSync(join(patched, 'go.sum'), readFileSync(join(source, 'go.sum')));
}

/**
 * Copies what a module is built from. The files and folders of the module cache are read-only; the copies
 * are not.
 * @param {string} from
 * @param {string} to
 */
function copySource(from, to) {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const { name } = entry;
    if (entry.isDirectory() && name !== 'tests' && name !== 'docs') {
      copySource(join(from, name), join(to, name));
    } else if (entry.isFile() && !name.endsWith('_test.go')) {
      writeFileSync(join(to, name), readFileSync(join(from, name)));
    }
  }
}

/**
 * @param {string} name
 * @param {string} output
 */
function buildError(name, output) {
  if (isDiskFull(output)) {
    return new UserError(
      `The disk filled up while ${name} was being built: free ${DISK_NEEDED_GB} GB, then start again.`,
    );
  }
  if (isNetworkFailure(output)) {
    return new UserError(
      'The Go modules of the Dapr runtime cannot be downloaded: check the network and GOPROXY, then start again.',
      lastLines(output, 3),
    );
  }
  return new UserError(
    `The build of ${name} in runtime/ failed: see the output of Go above.`,
    lastLines(output),
  );
}

/**
 * Builds the runtime if it is missing or out of date.
 * @param {import('./terminal.mjs').Terminal} terminal
 * @returns {Promise<Runtime>}
 */
export async function buildRuntime(terminal) {
  await buildIfStale(DAPR_BUILD, terminal);
  return builtRuntime;
}

/**
 * The dapr command: the installed one, or else the one that was built here. Only `dapr run` and its tests need
 * it. Throws a UserError if there is none.
 */
export function findCli() {
  const [built = ''] = filesOf(CLI_BUILD);
  const installed = findProgram('dapr', [CLI_BUILD.into]);
  if (installed === undefined && isStale(CLI_BUILD)) {
    throw new UserError(
      'The dapr command is missing: run "npm run runtime -- --cli", which builds it.',
    );
  }
  return installed ?? built;
}

/**
 * Builds the dapr command if it is not installed.
 * @param {import('./terminal.mjs').Terminal} terminal
 */
export async function buildCli(terminal) {
  if (findProgram('dapr', [CLI_BUILD.into]) === undefined) await buildIfStale(CLI_BUILD, terminal);
}

/**
 * @param {Build} build
 * @param {import('./terminal.mjs').Terminal} terminal
 */
async function buildIfStale(build, terminal) {
  if (!isStale(build)) return;
  await checkBuildTools();
  await runBuild(build, terminal);
}
