// @ts-check
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { lastLines, run, isNetworkFailure, isDiskFull } from './commands.mjs';
import { inProject, readApps, root } from './project.mjs';
import { UserError } from './user-error.mjs';

const builtStamp = inProject('dist', '.built');
const SOURCES = ['kit', 'contracts', 'retail', 'proto', 'services'];
const SETTINGS = /^(package-lock\.json|package\.json|tsconfig.*\.json|buf.*\.yaml)$/;

/** Whether node_modules differs from package-lock.json, however it was installed. */
export function packagesAreStale() {
  try {
    const wanted = JSON.parse(readFileSync(inProject('package-lock.json'), 'utf8')).packages;
    const installed = JSON.parse(
      readFileSync(inProject('node_modules', '.package-lock.json'), 'utf8'),
    ).packages;
    return Object.entries(wanted).some(
      ([path, { version, optional }]) => path && !optional && installed[path]?.version !== version,
    );
  } catch {
    return true;
  }
}

/** @param {import('./terminal.mjs').Terminal} terminal */
export async function installPackages(terminal) {
  await terminal.runStep(
    ['packages', 'npm ci'],
    async (step) => {
      const { code, output } = await run('npm', ['ci', '--no-audit', '--no-fund'], {
        cwd: root,
        onLine: (line) => step.note(line.slice(0, 60)),
      });
      if (code === 0) return;
      if (isDiskFull(output)) {
        throw new UserError('The disk is full: free 1 GB, then start again.');
      }
      if (isNetworkFailure(output)) {
        throw new UserError(
          'npm cannot reach its registry: check the network and the proxy settings of npm, then start again.',
          lastLines(output, 3),
        );
      }
      throw new UserError(
        'npm ci failed: see its output above.',
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

/** A hash of all files that the build reads. */
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
  await terminal.runStep(
    ['services', 'npm run build'],
    async () => {
      const { code, output } = await run('npm', ['run', '--silent', 'build'], { cwd: root });
      if (code !== 0) {
        throw new UserError(
          'The build of the services failed: see the errors above.',
          lastLines(output, 30),
        );
      }
    },
    () => 'built',
  );
  mkdirSync(dirname(builtStamp), { recursive: true });
  writeFileSync(builtStamp, stamp);
}
