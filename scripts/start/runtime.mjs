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
import { basename, dirname, join } from 'node:path';
import { findProgram, lastLines, run, isNetworkFailure, isDiskFull } from './commands.mjs';
import { inProject } from './project.mjs';
import { UserError } from './user-error.mjs';

/**
 * A Dapr that can run the system.
 * @typedef {object} Runtime
 * @property {string} cli the dapr program
 * @property {string} bin the folder of daprd, placement, scheduler and sentry
 * @property {string} path the value of DAPR_RUNTIME_PATH with which the cli finds them
 * @property {string} version of daprd
 * @property {boolean} built true if it was built here, false if it was installed on the machine
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

/**
 * Placement, scheduler and sentry of this release ignore --healthz-listen-address: their health ports listen
 * on all interfaces. Until a release respects it, they are built with this line of Dapr replaced.
 */
const onLoopback = {
  module: 'github.com/dapr/dapr',
  file: join('pkg', 'healthz', 'server', 'server.go'),
  line: 'net.Listen("tcp", fmt.Sprintf(":%d", s.port))',
  by: 'net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))',
};

/**
 * `patch`: a line of a module that is replaced before the build.
 * @typedef {object} Binary
 * @property {string} name
 * @property {string} package
 * @property {string} cwd
 * @property {string} flags
 * @property {string} into
 * @property {string} [tags]
 * @property {typeof onLoopback} [patch]
 */

/** @type {Binary[]} */
const binaries = [
  { ...dapr, name: 'daprd', package: '.', tags: 'stablecomponents' },
  { ...dapr, name: 'placement', package: 'github.com/dapr/dapr/cmd/placement', patch: onLoopback },
  { ...dapr, name: 'scheduler', package: 'github.com/dapr/dapr/cmd/scheduler', patch: onLoopback },
  { ...dapr, name: 'sentry', package: 'github.com/dapr/dapr/cmd/sentry', patch: onLoopback },
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

/** The files of the programs that are built here, whether they are built yet or not. */
export const builtBinaries = () => binaries.map(fileOf);

/** The version of one of these programs. @param {string} name */
export const versionOfBinary = (name) => (name === 'dapr' ? CLI_VERSION : DAPR_VERSION);

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

/** A hash of all inputs of a build. @param {Binary} binary */
function stampOf(binary) {
  const hash = createHash('sha256').update(JSON.stringify([...argsOf(binary), binary.package]));
  if (binary.patch) hash.update(JSON.stringify(binary.patch));
  const sources = ['go.mod', 'go.sum', ...(binary.package === '.' ? goFiles(binary.cwd) : [])];
  for (const file of sources) hash.update(readFileSync(join(binary.cwd, file)));
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

/** Whether a build is due, which needs Go, the network and disk space. */
export const runtimeIsStale = () => staleBinaries().length > 0;

/**
 * The Dapr that is installed or was built here. Throws a UserError if there is none.
 * @returns {Promise<Runtime>}
 */
export async function findRuntime() {
  const installed = await findInstalledRuntime();
  if (installed) return installed;
  if (!runtimeIsStale()) return builtRuntime();
  throw new UserError('Dapr is missing: run "npm run runtime", which builds it.');
}

/**
 * The Dapr installed on this machine, if it has been initialised with "dapr init". Throws a UserError if
 * it is too old.
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
    throw new UserError(
      `The Dapr runtime installed in ${bin} is ${version}, and ${OLDEST.join('.')} or newer is needed: ` +
        'run "dapr uninstall" and "dapr init", or remove dapr from the PATH so that it is built here.',
    );
  }
  return { cli, bin, path, version, built: false };
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
 * @param {Binary} binary
 * @param {import('./terminal.mjs').Terminal} terminal
 */
async function build(binary, terminal) {
  const file = fileOf(binary);
  // Built under another name, so that an interrupted build is never mistaken for a complete one.
  const unfinished = `${file}.${process.pid}.unfinished`;
  await terminal.runStep(
    [binary.name, `building ${binary.name}`],
    async (step) => {
      try {
        const { code, output } = await run(
          'go',
          [...argsOf(binary), ...(await patchArgs(binary)), '-o', unfinished, binary.package],
          {
            cwd: binary.cwd,
            env: { ...process.env, CGO_ENABLED: '0' },
            onLine: (line) =>
              step.note(line.startsWith('go: downloading') ? 'downloading modules' : ''),
          },
        );
        if (code !== 0) throw buildError(binary, output);
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
 * Copies the module that a binary patches, because Go builds no changed file of its module cache.
 * @param {Binary} binary
 * @returns {Promise<string[]>} the arguments that build with the patched copy
 */
async function patchArgs({ name, cwd, patch }) {
  if (!patch) return [];
  const { module, file, line, by } = patch;
  await run('go', ['mod', 'download', module], { cwd });
  const { output } = await run('go', ['list', '-m', '-f', '{{.Dir}}', module], { cwd });
  const from = output.trim();
  const text = existsSync(join(from, file)) ? readFileSync(join(from, file), 'utf8') : '';
  if (text.split(line).length !== 2) {
    throw new UserError(
      `The build of ${name} in runtime/ failed: ${file} of ${module} does not have the line ${line}`,
      lastLines(output, 3),
    );
  }
  const copy = join(home, 'patched', basename(module));
  rmSync(copy, { recursive: true, force: true });
  copySource(from, copy);
  writeFileSync(
    join(copy, file),
    text.replace(line, () => by),
  );
  const modules = join(home, 'patched', 'go.mod');
  writeFileSync(
    modules,
    `${readFileSync(join(cwd, 'go.mod'), 'utf8')}\nreplace ${module} => ${copy}\n`,
  );
  writeFileSync(join(home, 'patched', 'go.sum'), readFileSync(join(cwd, 'go.sum')));
  return ['-modfile', modules];
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
 * @param {Binary} binary
 * @param {string} output
 */
function buildError(binary, output) {
  if (isDiskFull(output)) {
    return new UserError(
      `The disk filled up while ${binary.name} was being built: free ${DISK_NEEDED_GB} GB, then start again.`,
    );
  }
  if (isNetworkFailure(output)) {
    return new UserError(
      'The Go modules of the Dapr runtime cannot be downloaded: check the network and GOPROXY, then start again.',
      lastLines(output, 3),
    );
  }
  return new UserError(
    `The build of ${binary.name} in runtime/ failed: see the output of Go above.`,
    lastLines(output),
  );
}

/**
 * Builds the parts of the runtime that are missing or out of date.
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
  // The cli does not run without these two.
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
