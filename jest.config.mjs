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
  // published as ES modules only, which jest cannot require
  transformIgnorePatterns: ['/node_modules/(?!jose/|@platformatic/)'],
  // tests run on the sources: no build before them, only `npm run generate`
  moduleNameMapper: {
    '^#kit/(.*)$': '<rootDir>/kit/$1.ts',
    '^#contracts/(.*)$': '<rootDir>/contracts/$1.ts',
    '^#retail/(.*)$': '<rootDir>/retail/$1.ts',
    '^#proto/(.*)$': '<rootDir>/generated/$1.ts',
  },
  restoreMocks: true,
};

/** @param {string[]} folders */
const testsOf = (...folders) => folders.map((folder) => `<rootDir>/${folder}/**/*.test.ts`);

/** Of the benchmark, what starts sidecars. */
const ARMS = ['test/bench/bare', 'test/bench/workflow'];

/** Of the tests on real sidecars, what measures how long a system takes to come back. */
const LOAD = ['test/e2e/chaos.test.ts', 'test/e2e/recovery.test.ts'];

/** @type {import('jest').Config} */
const config = {
  maxConcurrency: 2,
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
        'test/fault-simulation',
        'test/bench',
        'test/chaos',
        'test/device-fleet',
        'test/guides',
      ),
      testPathIgnorePatterns: ['/node_modules/', ...ARMS],
    },
    {
      ...shared,
      displayName: 'architecture',
      testMatch: testsOf('test/architecture'),
    },
    {
      // starts real processes
      ...shared,
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
        ...ARMS,
      ),
      testPathIgnorePatterns: ['/node_modules/', ...LOAD],
      setupFilesAfterEnv: ['<rootDir>/test/harness/patience.ts'],
    },
    {
      // puts a system under load: run it with --runInBand
      ...shared,
      displayName: 'load',
      testMatch: LOAD.map((file) => `<rootDir>/${file}`),
      setupFilesAfterEnv: ['<rootDir>/test/harness/patience.ts'],
    },
  ],
};
export default config;
