import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { licensesOf, purlOf } from '../../../scripts/sbom/cyclonedx.mjs';
import { goBom } from '../../../scripts/sbom/go.mjs';
import { npmBom } from '../../../scripts/sbom/npm.mjs';

const file = (...parts: string[]) => readFileSync(join(__dirname, ...parts), 'utf8');
const LOCK = file('../../../package-lock.json');

/** The errors by the schemas of CycloneDX, which are kept in schema/ as they are published. */
function errorsOf(document: object): unknown {
  const ajv = new Ajv({ strict: false, allErrors: false });
  addFormats(ajv);
  ajv.addFormat('iri-reference', true).addFormat('idn-email', true);
  for (const name of ['spdx', 'jsf-0.82']) {
    const schema = JSON.parse(file('schema', `${name}.schema.json`)) as { $id?: string };
    ajv.addSchema({ ...schema, $id: `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json` });
  }
  const validate = ajv.compile(JSON.parse(file('schema', 'bom-1.6.schema.json')) as object);
  validate(JSON.parse(JSON.stringify(document)));
  return validate.errors;
}

const package_ = (version: string, change: object = {}) => ({
  version,
  resolved: 'https://registry.example/x.tgz',
  integrity: `sha512-${Buffer.alloc(64, 1).toString('base64')}`,
  license: 'MIT',
  ...change,
});
const lock = {
  name: 'shop',
  version: '1.0.0',
  lockfileVersion: 3,
  packages: {
    '': {
      name: 'shop',
      version: '1.0.0',
      dependencies: { a: '1', '@s/b': '2' },
      devDependencies: { t: '1' },
      optionalDependencies: { missing: '1' },
    },
    'node_modules/a': package_('1.0.0', { dependencies: { c: '1' } }),
    'node_modules/@s/b': package_('2.0.0', { dependencies: { c: '2' } }),
    'node_modules/@s/b/node_modules/c': package_('2.1.0', { optional: true, license: 'My own' }),
    'node_modules/c': package_('1.1.0', {
      name: 'real-c',
      integrity: `sha1-${Buffer.alloc(20, 2).toString('base64')}`,
    }),
    'node_modules/t': package_('1.0.0', { dev: true, peerDependencies: { a: '1', none: '1' } }),
    'node_modules/t/node_modules/a': package_('1.0.0', { dev: true, license: undefined }),
  },
};
const small = () => npmBom(JSON.stringify(lock));
const dependsOn = (bom: ReturnType<typeof small>, ref: string) =>
  bom.dependencies.find((each) => each.ref === ref)?.dependsOn;

describe('the bill of the npm packages', () => {
  test('has one component for each package and version, with hashes, license and scope', () => {
    expect(small().components).toMatchObject([
      { purl: 'pkg:npm/%40s/b@2.0.0', group: '@s', name: 'b', scope: 'required' },
      {
        purl: 'pkg:npm/a@1.0.0',
        scope: 'required',
        hashes: [{ alg: 'SHA-512', content: '01'.repeat(64) }],
      },
      { purl: 'pkg:npm/c@2.1.0', scope: 'optional', licenses: [{ license: { name: 'My own' } }] },
      {
        purl: 'pkg:npm/real-c@1.1.0',
        hashes: [{ alg: 'SHA-1', content: '02'.repeat(20) }],
      },
      { purl: 'pkg:npm/t@1.0.0', scope: 'excluded' },
    ]);
  });

  test('connects each package with those that Node would load', () => {
    const bom = small();
    expect(dependsOn(bom, 'pkg:npm/shop@1.0.0')).toEqual([
      'pkg:npm/%40s/b@2.0.0',
      'pkg:npm/a@1.0.0',
      'pkg:npm/t@1.0.0',
    ]);
    expect(dependsOn(bom, 'pkg:npm/a@1.0.0')).toEqual(['pkg:npm/real-c@1.1.0']);
    expect(dependsOn(bom, 'pkg:npm/%40s/b@2.0.0')).toEqual(['pkg:npm/c@2.1.0']);
    expect(dependsOn(bom, 'pkg:npm/t@1.0.0')).toEqual(['pkg:npm/a@1.0.0']);
    expect(dependsOn(bom, 'pkg:npm/c@2.1.0')).toBeUndefined();
  });

  test('of this project is valid, complete, and names every dependency of package.json', () => {
    const bom = npmBom(LOCK);
    expect(errorsOf(bom)).toBeNull();
    const { packages } = JSON.parse(LOCK) as { packages: Record<string, { integrity?: string }> };
    const locked = Object.entries(packages).filter(([path]) => path !== '');
    expect(bom.components.length).toBeGreaterThan(locked.length / 2);
    // npm records no hash of an optional package for a platform that its registry lacked
    const unhashed = bom.components.filter(({ hashes }) => hashes === undefined);
    expect(unhashed.filter(({ scope }) => scope === 'required')).toEqual([]);
    const manifest = JSON.parse(file('../../../package.json')) as Record<string, object>;
    const direct = dependsOn(bom, bom.metadata.component.purl) ?? [];
    const names = Object.keys({ ...manifest['dependencies'], ...manifest['devDependencies'] });
    expect(direct.length).toBeGreaterThanOrEqual(names.length);
    for (const { dependsOn: targets = [] } of bom.dependencies) {
      const known = new Set(bom.dependencies.map(({ ref }) => ref));
      expect(targets.filter((target) => !known.has(target))).toEqual([]);
    }
  });

  test('is the same each time, whatever the order in the lock file', () => {
    expect(JSON.stringify(npmBom(LOCK))).toBe(JSON.stringify(npmBom(LOCK)));
    const packages = Object.fromEntries(Object.entries(lock.packages).reverse());
    const reversed = npmBom(JSON.stringify({ ...lock, packages }));
    expect(reversed.dependencies).toEqual(small().dependencies);
    expect(reversed.components.map(({ purl }) => purl)).toEqual(
      small().components.map(({ purl }) => purl),
    );
  });

  test('is refused for a lock file of another version', () => {
    expect(() => npmBom(JSON.stringify({ ...lock, lockfileVersion: 2 }))).toThrow();
  });
});

describe('the bill of the Go modules', () => {
  const about = {
    type: 'application',
    name: 'runtime',
    version: '1',
    purl: purlOf('generic', 'runtime', '1'),
  } as const;
  const programs = [
    { name: 'daprd', version: '1.18.2', buildInfo: file('go-version-daprd.json') },
    { name: 'sentry', version: '1.18.2', buildInfo: file('go-version-sentry.json') },
  ];

  test('is valid, and connects each program with its modules and the standard library', () => {
    const bom = goBom(about, programs);
    expect(errorsOf(bom)).toBeNull();
    const targets = (ref: string) => bom.dependencies.find((each) => each.ref === ref)?.dependsOn;
    expect(targets(about.purl)).toEqual(['pkg:generic/daprd@1.18.2', 'pkg:generic/sentry@1.18.2']);
    expect(targets('pkg:generic/daprd@1.18.2')).toEqual([
      // replaced by an earlier version of itself
      'pkg:golang/dubbo.apache.org/dubbo-go/v3@v3.0.3-0.20230118042253-4f159a2b38f3',
      'pkg:golang/github.com/dapr/dapr@v1.18.2',
      'pkg:golang/github.com/google/uuid@v1.6.0',
      'pkg:golang/stdlib@1.26.8',
    ]);
    // with the module of the program itself, and a module of which a patched copy is built
    expect(targets('pkg:generic/sentry@1.18.2')).toEqual([
      'pkg:golang/github.com/dapr/dapr@v1.18.2',
      'pkg:golang/github.com/dapr/kit@v0.16.1',
      'pkg:golang/github.com/google/uuid@v1.6.0',
      'pkg:golang/stdlib@1.26.8',
    ]);
    const patched = bom.components.find(({ name }) => name === 'github.com/dapr/kit');
    expect(patched?.properties).toEqual([{ name: 'go:replaced', value: 'a patched copy' }]);
    expect(bom.components.filter(({ name }) => name === 'stdlib')).toHaveLength(1);
  });

  test('is the same each time', () => {
    const [one, two] = [goBom(about, programs), goBom(about, [...programs].reverse())];
    expect(JSON.stringify(one)).toBe(JSON.stringify(two));
  });
});

test.each([
  ['MIT', { expression: 'MIT' }],
  ['(MIT OR CC0-1.0)', { expression: '(MIT OR CC0-1.0)' }],
  ['Apache-2.0 WITH LLVM-exception', { expression: 'Apache-2.0 WITH LLVM-exception' }],
  ['SEE LICENSE IN LICENSE.md', { license: { name: 'SEE LICENSE IN LICENSE.md' } }],
])('the license %j is read', (text, license) => {
  expect(licensesOf(text)).toEqual([license]);
});

test.each([undefined, '', ' ', { type: 'MIT' }])('without a license there is none: %j', (text) => {
  expect(licensesOf(text)).toBeUndefined();
});

test('a package URL escapes what has a meaning in it', () => {
  expect(purlOf('npm', '@s/a b', '1.0.0+x')).toBe('pkg:npm/%40s/a%20b@1.0.0%2Bx');
});

test('the schemas refuse a document that is not valid', () => {
  const bom = small();
  expect(errorsOf(bom)).toBeNull();
  expect(errorsOf({ ...bom, bomFormat: 'another' })).not.toBeNull();
  expect(errorsOf({ ...bom, components: [{ name: 'x' }] })).not.toBeNull();
});
