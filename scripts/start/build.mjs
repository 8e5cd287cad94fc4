// @ts-check
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { lastLines, run, saysNoNetwork, saysNoSpace } from './commands.mjs';
import { Fault } from './fault.mjs';
import { inProject, readApps, root } from './project.mjs';

const builtStamp = inProject('dist', '.built');
const SOURCES = ['kit', 'contracts', 'proto', 'services'];
const SETTINGS = /^(package-lock\.json|package\.json|tsconfig.*\.json|buf.*\.yaml)$/;

/** Whether node_modules holds what package-lock.json says, whoever has put it there. */
export function packagesAreStale() {
  try {
    const wanted = JSON.parse(readFileSync(inProject('package-lock.json'), 'utf8')).packages;
    const there = JSON.parse(
      readFileSync(inProject('node_modules', '.package-lock.json'), 'utf8'),
    ).packages;
    return Object.entries(wanted).some(
      ([path, { version, optional }]) => path && !optional && there[path]?.version !== version,
    );
  } catch {
    return true;
  }
}

/** @param {import('./terminal.mjs').Terminal} terminal */
export async function installPackages(terminal) {
  await terminal.during(
    ['packages', 'npm ci'],
    async (step) => {
      const { code, output } = await run('npm', ['ci', '--no-audit', '--no-fund'], {
        cwd: root,
        onLine: (line) => step.note(line.slice(0, 60)),
      });
      if (code === 0) return;
      if (saysNoSpace(output)) throw new Fault('The disk is full: free 1 GB, then start again.');
      if (saysNoNetwork(output)) {
        throw new Fault(
          'npm cannot reach its registry: check the network and the proxy settings of npm, then start again.',
          lastLines(output, 3),
        );
      }
      throw new Fault(
        'npm ci failed: see what it says above.',
        output
          .split('\n')
          .filter((line) => line.startsWith('npm error'))
          .slice(0, 10),
      );
    },
    () => 'installed',
  );
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
const filesBelow = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const path = join(folder, entry.name);
        return entry.isDirectory() ? filesBelow(path) : [path];
      })
    : [];

/** All that the build reads, as one word. */
function sourceStamp() {
  const files = [
    ...readdirSync(root)
      .filter((name) => SETTINGS.test(name))
      .map((name) => join(root, name)),
    ...SOURCES.flatMap((folder) => filesBelow(inProject(folder))),
  ];
  const hash = createHash('sha256');
  for (const file of files.sort()) hash.update(file.slice(root.length)).update(readFileSync(file));
  return hash.digest('hex');
}

export const buildIsStale = () =>
  !existsSync(builtStamp) ||
  readFileSync(builtStamp, 'utf8') !== sourceStamp() ||
  readApps().some(({ main }) => !existsSync(inProject(main)));

/** @param {import('./terminal.mjs').Terminal} terminal */
export async function buildServices(terminal) {
  const stamp = sourceStamp();
  await terminal.during(
    ['services', 'npm run build'],
    async () => {
      const { code, output } = await run('npm', ['run', '--silent', 'build'], { cwd: root });
      if (code !== 0) {
        throw new Fault(
          'The services cannot be built: see the errors above.',
          lastLines(output, 30),
        );
      }
    },
    () => 'built',
  );
  mkdirSync(dirname(builtStamp), { recursive: true });
  writeFileSync(builtStamp, stamp);
}
