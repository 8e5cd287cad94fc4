// @ts-check
import { z } from 'zod';
import { bom, licensesOf, purlOf } from './cyclonedx.mjs';

/** @typedef {import('./cyclonedx.mjs').Component} Component */

const Names = z.record(z.string(), z.string()).default({});
/** An entry of package-lock.json, by its path; the path of the project itself is empty. */
const Entry = z.object({
  name: z.string().optional(),
  version: z.string(),
  integrity: z.string().optional(),
  license: z.unknown().optional(),
  dev: z.boolean().default(false),
  optional: z.boolean().default(false),
  devOptional: z.boolean().default(false),
  dependencies: Names,
  devDependencies: Names,
  optionalDependencies: Names,
  peerDependencies: Names,
});
const Lock = z.object({ lockfileVersion: z.literal(3), packages: z.record(z.string(), Entry) });

/** @typedef {z.infer<typeof Entry>} Entry */

const FOLDER = 'node_modules/';

/**
 * The npm packages that the lock file names, for every platform.
 * @param {string} text of package-lock.json
 */
export function npmBom(text) {
  const { packages } = Lock.parse(JSON.parse(text));
  const entries = new Map(Object.entries(packages));
  const root = entries.get('');
  if (root === undefined) throw new Error('package-lock.json does not name the project');
  /** @type {Map<string, Component>} */
  const components = new Map();
  /** @type {Map<string, Set<string>>} */
  const dependencies = new Map();
  for (const [path, entry] of entries) {
    const component = toComponent(path, entry);
    const { purl } = component;
    // one package in several folders is one component
    const known = components.get(purl);
    if (path !== '')
      components.set(purl, known === undefined ? component : merged(known, component));
    const targets = dependencies.get(purl) ?? new Set();
    for (const target of targetsOf(path, entry, entries)) {
      targets.add(purlOfEntry(target, entries.get(target) ?? root));
    }
    dependencies.set(purl, targets);
  }
  return bom(toComponent('', root), [...components.values()], dependencies);
}

/** @param {string} path @param {Entry} entry */
const nameOf = (path, { name }) => name ?? path.slice(path.lastIndexOf(FOLDER) + FOLDER.length);

/** @param {string} path @param {Entry} entry */
const purlOfEntry = (path, entry) => purlOf('npm', nameOf(path, entry), entry.version);

/** @param {string} path @param {Entry} entry @returns {Component} */
function toComponent(path, entry) {
  const [name = '', group] = nameOf(path, entry).split('/').reverse();
  const { version, integrity, license, dev, devOptional, optional } = entry;
  const hashes = (integrity ?? '')
    .split(' ')
    .flatMap((each) => /^sha(1|256|384|512)-(.+)$/.exec(each) ?? [])
    .flatMap((part, index, parts) => (index % 3 === 1 ? hash(part, parts[index + 1] ?? '') : []));
  const licenses = licensesOf(license);
  const scope = dev || devOptional ? 'excluded' : optional ? 'optional' : 'required';
  return {
    type: path === '' ? 'application' : 'library',
    ...(group === undefined ? {} : { group }),
    name,
    version,
    purl: purlOfEntry(path, entry),
    ...(path === '' ? {} : { scope }),
    ...(hashes.length === 0 ? {} : { hashes }),
    ...(licenses === undefined ? {} : { licenses }),
  };
}

/** @param {string} bits @param {string} base64 */
const hash = (bits, base64) => ({
  alg: `SHA-${bits}`,
  content: Buffer.from(base64, 'base64').toString('hex'),
});

/** @type {Component['scope'][]} */
const SCOPES = ['required', 'optional', 'excluded'];

/** The scope of a package in two folders is that of its more important use. @param {Component} a @param {Component} b */
function merged(a, b) {
  const scope = SCOPES.find((each) => each === a.scope || each === b.scope);
  return scope === undefined ? a : { ...a, scope };
}

/**
 * The paths of the packages that a package loads, found as Node finds them: in its own folder first, then in
 * the folders above.
 * @param {string} path @param {Entry} entry @param {ReadonlyMap<string, Entry>} entries
 */
function targetsOf(path, entry, entries) {
  const names = Object.keys({
    ...entry.dependencies,
    ...entry.devDependencies,
    ...entry.optionalDependencies,
    ...entry.peerDependencies,
  });
  return names.flatMap((name) => {
    for (
      let folder = path;
      ;
      folder = folder.slice(0, Math.max(0, folder.lastIndexOf(`/${FOLDER}`)))
    ) {
      const target = `${folder === '' ? '' : `${folder}/`}${FOLDER}${name}`;
      if (entries.has(target)) return [target];
      // an optional package for another platform, or a peer that is not installed
      if (folder === '') return [];
    }
  });
}
