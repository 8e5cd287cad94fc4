import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { findProgram } from '../../../scripts/start/commands.mjs';
import { DAPR_VERSION } from '../../../scripts/start/runtime.mjs';
import { inProject } from '../../../scripts/start/project.mjs';
import { SERVER_KINDS } from '../../harness/resources';
import type { Bus } from '../../harness/transports';
import { type Image, archiveOf, writeImage } from './archive';
import { debianRoot } from './debian';
import { HOME, IMAGES } from './place';
import { run } from './run';
import { nameOfServer, writeServerImage } from './server-images';

export const PLATFORM_IMAGE = { repository: 'localhost/omnichannel', tag: 'test' };
export const SIDECAR_IMAGE = `localhost/cluster/daprd:${DAPR_VERSION}`;
export const SERVER_IMAGES = Object.fromEntries(
  SERVER_KINDS.map((kind) => [kind, `localhost/${nameOfServer(kind)}`]),
);

/** Writes the images of the platform and of the servers that its chart starts with this broker. */
export async function writePlatformImages(bus: Bus): Promise<void> {
  for (const kind of [bus, 'postgresql', 'mosquitto'] as const) await writeServerImage(kind);
  await buildPlatformImage();
}

const ARCHIVE = join(IMAGES, 'omnichannel.tar');
/** What the Dockerfile copies. */
const SOURCES = [
  ...['Dockerfile', '.dockerignore', 'package.json', 'package-lock.json', 'tsconfig.json'],
  ...['buf.yaml', 'buf.gen.yaml', 'dapr.yaml', 'proto', 'contracts', 'retail', 'kit', 'services'],
  ...['components', 'scripts', 'deploy/flags.json', 'deploy/limits.json', 'deploy/image'],
];
const BUILD_MS = 1_800_000;
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';

/** Builds the image with the project's own Dockerfile, unless it is up to date. */
async function buildPlatformImage(): Promise<void> {
  const stamp = await stampOfSources();
  const stampFile = `${ARCHIVE}.stamp`;
  if (existsSync(ARCHIVE) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp)
    return;
  const [build, base] = [await buildBase(), await runBase()];
  for (const image of [build, base]) {
    await writeImage(image, BASES);
    await buildah('pull', '--quiet', `docker-archive:${archiveOf(image, BASES)}`);
  }
  const { repository, tag } = PLATFORM_IMAGE;
  await buildah(
    ...['build', '--isolation', 'chroot', '--network', 'host', '--format', 'docker', '--layers'],
    ...['--timestamp', '0', '--target', 'services', '--tag', `${repository}:${tag}`],
    ...['--build-arg', `BUILD_IMAGE=localhost/${build.name}`],
    ...['--build-arg', `BASE_IMAGE=localhost/${base.name}`],
    ...['--secret', `id=npmrc,src=${npmSettings()}`, inProject()],
  );
  mkdirSync(IMAGES, { recursive: true });
  await run('rm', ['-f', ARCHIVE]);
  await buildah(
    'push',
    '--quiet',
    `${repository}:${tag}`,
    `docker-archive:${ARCHIVE}:${repository}:${tag}`,
  );
  writeFileSync(stampFile, stamp);
}

const BASES = join(HOME, 'bases');

/** buildah with a storage of its own, so that nothing of it is left elsewhere on this machine. */
const buildah = (...args: string[]) => {
  const storage = join(HOME, 'buildah');
  const own = ['--root', join(storage, 'root'), '--runroot', join(storage, 'run')];
  return run('buildah', [...own, ...args], {
    env: { ...process.env, STORAGE_DRIVER: 'overlay' },
    timeoutMs: BUILD_MS,
  });
};

async function stampOfSources(): Promise<string> {
  const options = { cwd: inProject() };
  const listed = await run('git', ['ls-files', '-co', '--exclude-standard', ...SOURCES], options);
  const hash = createHash('sha256');
  for (const file of listed.trim().split('\n').sort()) {
    const { mtimeMs, size } = statSync(inProject(file));
    hash.update(JSON.stringify([file, mtimeMs, size]));
  }
  return hash.digest('hex');
}

/** In place of the image of Node that the Dockerfile names: packages of Debian, and this machine's Node and npm. */
async function buildBase(): Promise<Image> {
  const npm = realpathSync(findProgram('npm') ?? '');
  // .../npm/bin/npm-cli.js
  const folder = dirname(dirname(npm));
  const packages = ['bash', 'binutils', 'libatomic1', 'libstdc++6', 'libc-bin', 'tar', 'gzip'];
  const programs = '/usr/local/lib/node_modules/npm';
  return {
    name: 'base/build:1',
    files: {
      '/': await debianRoot('build', packages),
      '/usr/local/bin/node': process.execPath,
      [programs]: folder,
      ...(existsSync(AUTHORITIES) ? { [AUTHORITIES]: AUTHORITIES } : {}),
    },
    texts: {
      '/usr/local/bin/npm': `#!/bin/sh\nexec node ${programs}/bin/npm-cli.js "$@"\n`,
      '/usr/local/bin/awk': '#!/bin/sh\nexec mawk "$@"\n',
      '/etc/passwd': 'root:x:0:0::/root:/bin/sh\n',
    },
    writable: ['/tmp'],
  };
}

/** In place of the small image that services run in. */
async function runBase(): Promise<Image> {
  return {
    name: 'base/run:1',
    files: {
      '/': await debianRoot('run', ['libc6', 'libstdc++6', 'libgcc-s1'], []),
      ...(existsSync(AUTHORITIES) ? { [AUTHORITIES]: AUTHORITIES } : {}),
    },
    texts: {
      '/etc/passwd': 'nonroot:x:65532:65532::/app:/\n',
      '/etc/nsswitch.conf': 'hosts: files dns\n',
    },
    writable: ['/tmp'],
  };
}

/** The settings with which npm reaches its registry from this machine. */
function npmSettings(): string {
  const files = ['/etc/npmrc', join(homedir(), '.npmrc')].filter((file) => existsSync(file));
  const file = join(HOME, 'npmrc');
  writeFileSync(file, files.map((each) => readFileSync(each, 'utf8')).join('\n'), { mode: 0o600 });
  return file;
}
