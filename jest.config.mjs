// @ts-check
const swc = {
  jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
  module: { type: 'commonjs' },
  sourceMaps: 'inline',
};

/** @type {import('jest').Config} */
const shared = {
  testEnvironment: 'node',
  transform: { '\\.(ts|js|mjs)$': ['@swc/jest', swc] },
  // These packages are published as ES modules only, which jest cannot require.
  transformIgnorePatterns: ['/node_modules/(?!jose/|canonicalize/|kysely/|@platformatic/)'],
  // Tests run on the sources. They need `npm run generate`, but no build.
  moduleNameMapper: {
    '^#kit/(.*)$': '<rootDir>/kit/$1.ts',
    '^#contracts/(.*)$': '<rootDir>/contracts/$1.ts',
    '^#retail/(.*)$': '<rootDir>/retail/$1.ts',
    '^#proto/(.*)$': '<rootDir>/generated/$1.ts',
  },
  restoreMocks: true,
  // the files of a cluster that runs change while jest looks at them
  modulePathIgnorePatterns: ['<rootDir>/.kubernetes/'],
};

/** @param {string[]} folders */
const testsOf = (...folders) => folders.map((folder) => `<rootDir>/${folder}/**/*.test.ts`);

/** The benchmark's tests that start sidecars. */
const BENCH_ON_SIDECARS = ['test/bench/bare', 'test/bench/workflow'];

/** The tests on real sidecars that measure how long a system takes to recover. */
const LOAD = ['chaos', 'recovery', 'stop'].map((name) => `test/e2e/${name}.test.ts`);

/** @type {import('jest').Config} */
const config = {
  // A test waits for a condition, so its timeout only ends a hang. 5 s ended tests on a loaded machine.
  testTimeout: 60_000,
  maxConcurrency: 2,
  // A process keeps memory of each file that it has run, and exceeds the 4 GB of Node's heap after all unit
  // tests. A worker is replaced when it holds more than this.
  workerIdleMemoryLimit: '1GB',
  testSequencer: '<rootDir>/test/harness/longest-first.cjs',
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: testsOf(
        'kit',
        'contracts',
        'retail',
        'services',
        'test/authorization',
        'test/fault-simulation',
        'test/fuzz',
        'test/invariants',
        'test/tools',
        'test/bench',
        'test/chaos',
        'test/device-fleet',
        'test/guides',
      ),
      testPathIgnorePatterns: ['/node_modules/', ...BENCH_ON_SIDECARS],
    },
    {
      ...shared,
      displayName: 'architecture',
      testMatch: testsOf('test/architecture'),
    },
    {
      // Starts real processes.
      ...shared,
      testEnvironment: '<rootDir>/test/harness/environment.cjs',
      displayName: 'e2e',
      testMatch: testsOf(
        'test/harness',
        'test/kit',
        'test/e2e',
        'test/edge',
        'test/devices',
        'test/polyglot',
        'test/conformance',
        'test/start',
        ...BENCH_ON_SIDECARS,
      ),
      testPathIgnorePatterns: ['/node_modules/', ...LOAD],
      setupFilesAfterEnv: ['<rootDir>/test/harness/patience.ts'],
    },
    {
      // Puts a system under load: run it with --runInBand.
      ...shared,
      testEnvironment: '<rootDir>/test/harness/environment.cjs',
      displayName: 'load',
      testMatch: LOAD.map((file) => `<rootDir>/${file}`),
      setupFilesAfterEnv: ['<rootDir>/test/harness/patience.ts'],
    },
    {
      // Runs in the network of a Kubernetes node: see `npm run kubernetes`.
      ...shared,
      displayName: 'kubernetes',
      testMatch: testsOf('test/kubernetes'),
    },
  ],
};
export default config;
