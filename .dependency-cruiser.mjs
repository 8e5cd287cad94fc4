// @ts-check
// Who may import what. `npm run lint` checks it, test/architecture/imports.test.ts proves each rule.

/** The folders of the kit from the bottom up: each may import itself and those before it. */
const KIT = [
  'core',
  'messages',
  'transport',
  'state',
  'read-store',
  'flags',
  'service',
  'delivery',
  'runtime',
  'saga',
  'security',
  'operations',
  'adapters',
  'boot',
  'testing',
];

const TEST_FILE = '\\.test\\.ts$';
/** What only tests use: it is not part of the build. */
const TEST_SUPPORT = '(\\.test\\.ts|/testing\\.ts|/testing-[^/]*\\.ts)$|/testing/';

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const kitLayers = KIT.slice(0, -1).map((folder, index) => ({
  name: `kit-${folder}`,
  comment: `kit/${folder} imports only itself and the kit folders below it`,
  severity: 'error',
  from: { path: `^kit/${folder}/`, pathNot: TEST_FILE },
  to: {
    path: '^kit/',
    pathNot: [
      `^kit/(${KIT.slice(0, index + 1).join('|')})/`,
      // only boot connects the kit to its adapters
      ...(folder === 'boot' ? ['^kit/adapters/'] : []),
    ],
  },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-cycle',
      comment: 'no import cycle, type imports included',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      comment: 'every import leads to a file or an installed package',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^(generated/|#proto/)' },
    },
    ...kitLayers,
    {
      name: 'kit-knows-no-domain',
      comment: 'the kit serves every service alike: it imports no service, contract or retail type',
      severity: 'error',
      from: { path: '^kit/', pathNot: TEST_FILE },
      to: {
        path: '^(services|contracts|retail|test|scripts)/|^generated/retail/(?!(common|operations)/)',
      },
    },
    {
      name: 'adapters-only-from-boot',
      comment: 'only kit/boot and tests import an adapter',
      severity: 'error',
      from: {
        path: '^(kit|services|contracts|retail)/',
        pathNot: ['^kit/(adapters|boot)/', TEST_SUPPORT],
      },
      to: { path: '^kit/adapters/' },
    },
    {
      name: 'retail-types',
      comment: 'retail types import the kit’s core and npm only',
      severity: 'error',
      from: { path: '^retail/' },
      to: { path: '^(kit|services|contracts|test|scripts|generated)/', pathNot: '^kit/core/' },
    },
    {
      name: 'contracts',
      comment: 'contracts import the kit, retail types and npm only',
      severity: 'error',
      from: { path: '^contracts/' },
      to: { path: '^(services|test|scripts|generated)/' },
    },
    {
      name: 'service-imports',
      comment:
        'a service imports its own folder, the kit, contracts, retail types, generated code and npm only',
      severity: 'error',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^(services|test|scripts)/', pathNot: '^services/$1/' },
    },
    {
      name: 'kit-public-folders',
      comment: 'a service uses the public folders of the kit; adapters are chosen by boot',
      severity: 'error',
      from: { path: '^(services|contracts)/', pathNot: TEST_SUPPORT },
      to: { path: '^kit/(adapters|testing)/' },
    },
    {
      name: 'test-support-is-not-built',
      comment: 'what runs imports no test support',
      severity: 'error',
      from: { path: '^(kit|services|contracts|retail)/', pathNot: TEST_SUPPORT },
      to: { path: TEST_SUPPORT },
    },
    {
      name: 'npm-declared',
      comment: 'what runs imports only packages of package.json’s dependencies',
      severity: 'error',
      from: { path: '^(kit|services|contracts|retail)/', pathNot: TEST_SUPPORT },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'vending-machine-below-vend',
      comment: 'vend imports machine, and never the other way round',
      severity: 'error',
      from: { path: '^services/vending/machine/', pathNot: TEST_FILE },
      to: { path: '^services/vending/vend/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.depcruise.json' },
    doNotFollow: { path: ['node_modules', '^generated/', '^dist/'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
