import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HOME } from './place';
import { run } from './run';

const FOLDER = join(HOME, 'debian');

/** What every root needs beside its programs: a shell and the usual small programs. */
const BASE = [
  'dash',
  'coreutils',
  'sed',
  'grep',
  'mawk',
  'findutils',
  'hostname',
  'libnss-wrapper',
];

/**
 * A folder with packages of Debian and everything that they depend on, unpacked: the root of an image. Nothing is
 * installed on this machine, and no script of a package runs.
 */
export async function debianRoot(
  name: string,
  packages: readonly string[],
  base: readonly string[] = BASE,
): Promise<string> {
  const root = join(FOLDER, name);
  const wanted = [...base, ...packages].join(' ');
  const stamp = `${root}.packages`;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return root;
  rmSync(root, { recursive: true, force: true });
  const archives = join(FOLDER, 'archives', name);
  rmSync(archives, { recursive: true, force: true });
  mkdirSync(join(archives, 'partial'), { recursive: true });
  mkdirSync(root, { recursive: true });
  // no package counts as installed, so that apt downloads all that they depend on
  const installed = join(FOLDER, 'nothing-installed');
  writeFileSync(installed, '');
  await run('apt-get', [
    ...['-q', '-y', '--no-install-recommends', '--download-only'],
    ...['-o', `Dir::State::status=${installed}`, '-o', `Dir::Cache::archives=${archives}`],
    ...['-o', 'Debug::NoLocking=1', 'install', ...base, ...packages],
  ]);
  for (const file of readdirSync(archives).filter((each) => each.endsWith('.deb'))) {
    await run('dpkg-deb', ['--extract', join(archives, file), root]);
  }
  rmSync(archives, { recursive: true, force: true });
  for (const documents of ['usr/share/doc', 'usr/share/man', 'usr/share/locale']) {
    rmSync(join(root, documents), { recursive: true, force: true });
  }
  // the list of libraries, which a script of libc-bin would write
  await run('ldconfig', ['-r', root]);
  writeFileSync(stamp, wanted);
  return root;
}
