import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { type SourceFile, fileNames, plumbingWords } from './rules';
import { filesOf, root } from './tree';

const file = (path: string, text: string) => [{ path, text }];

const Report = z.object({
  summary: z.object({
    violations: z.array(
      z.object({ from: z.string(), to: z.string(), rule: z.object({ name: z.string() }) }),
    ),
  }),
});

/** The violations of `.dependency-cruiser.mjs` in a folder. */
function violationsIn(folder: string): string[] {
  const program = join(root, 'node_modules/.bin/depcruise');
  const config = ['--config', '.dependency-cruiser.mjs', '--output-type', 'json'];
  const { stdout, stderr } = spawnSync(
    program,
    [...config, 'kit', 'retail', 'contracts', 'services'],
    { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  if (stdout === '') throw new Error(stderr);
  const { violations } = Report.parse(JSON.parse(stdout)).summary;
  return violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`);
}

describe('the rules on imports', () => {
  const CONFIG = ['.dependency-cruiser.mjs', 'tsconfig.json', 'tsconfig.test.json', 'package.json'];
  let folder: string;
  let violations: string[];

  /** A small tree in which each forbidden import occurs once, beside allowed ones. */
  const TREE: Readonly<Record<string, string>> = {
    'kit/core/errors.ts': 'export const errors = 1;',
    'kit/core/upward.ts': `import { contract } from '../messages/contract'; export const upward = contract;`,
    'kit/core/domain.ts': `import { stock } from '#contracts/inventory'; export const domain = stock;`,
    'kit/core/messages-of-order.ts': `import { order } from '#proto/retail/order/v1/order_pb'; export const o = order;`,
    'kit/messages/contract.ts': `import { errors } from '../core/errors'; export const contract = errors;`,
    'kit/adapters/dapr/sidecar.ts': 'export const sidecar = 1;',
    'kit/runtime/context.ts': `import { sidecar } from '../adapters/dapr/sidecar'; export const context = sidecar;`,
    'kit/boot/run.ts': `import { sidecar } from '../adapters/dapr/sidecar'; export const run = sidecar;`,
    'kit/testing/testbed.ts': 'export const testbed = 1;',
    'retail/money.ts': `import { errors } from '#kit/core/errors'; export const money = errors;`,
    'retail/price.ts': `import { contract } from '#kit/messages/contract'; export const price = contract;`,
    'contracts/inventory.ts': `import { money } from '#retail/money'; export const stock = money;`,
    'contracts/order.ts': `import { place } from '../services/order/domain'; export const order = place;`,
    'generated/retail/order/v1/order_pb.ts': 'export const order = 1;',
    'services/inventory/domain.ts': `import type { Second } from './second'; export type First = Second; export const reserve = 1;`,
    'services/inventory/second.ts': `import type { First } from './domain'; export type Second = First;`,
    'services/order/allowed.ts': `
      import { readFile } from 'node:fs/promises';
      import { z } from 'zod';
      import { run } from '#kit/boot/run';
      import { money } from '#retail/money';
      import { stock } from '#contracts/inventory';
      import { order } from '#proto/retail/order/v1/order_pb';
      import { place } from './domain';
      export const allowed = [readFile, z, run, money, stock, order, place];`,
    'services/order/domain.ts': 'export const place = 1;',
    'services/order/static.ts': `import { reserve } from '../inventory/domain'; export const s = reserve;`,
    'services/order/type.ts': `import type { First } from '../inventory/domain'; export type T = First;`,
    'services/order/export.ts': `export { reserve } from '../inventory/domain';`,
    'services/order/dynamic.ts': `export const domain = import('../inventory/domain');`,
    'services/order/require.ts': `export const domain = require('../inventory/domain');`,
    'services/order/outside.ts': `import { helper } from '../../test/helper'; export const h = helper;`,
    'services/order/undeclared.ts': `import { left } from 'left-pad'; export const l = left;`,
    'services/order/dev.ts': `import { expect } from '@jest/globals'; export const e = expect;`,
    'services/order/adapter.ts': `import { sidecar } from '#kit/adapters/dapr/sidecar'; export const a = sidecar;`,
    'services/order/support.ts': `import { testbed } from '#kit/testing/testbed'; export const t = testbed;`,
    'services/vending/machine/slots.ts': `import { vend } from '../vend/vend'; export const slots = vend;`,
    'services/vending/vend/vend.ts': 'export const vend = 1;',
    'test/helper.ts': 'export const helper = 1;',
  };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'imports-'));
    for (const name of [...CONFIG, 'tsconfig.depcruise.json']) {
      copyFileSync(join(root, name), join(folder, name));
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    for (const [path, text] of Object.entries(TREE)) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    violations = violationsIn(folder);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test.each([
    [
      'a kit folder that imports one above it',
      'kit-core: kit/core/upward.ts -> kit/messages/contract.ts',
    ],
    [
      'the kit that imports a contract',
      'kit-knows-no-domain: kit/core/domain.ts -> contracts/inventory.ts',
    ],
    [
      'the kit that imports the messages of a service',
      'kit-knows-no-domain: kit/core/messages-of-order.ts -> generated/retail/order/v1/order_pb.ts',
    ],
    [
      'an adapter that is imported outside boot',
      'adapters-only-from-boot: kit/runtime/context.ts -> kit/adapters/dapr/sidecar.ts',
    ],
    [
      'a service that imports an adapter',
      'kit-public-folders: services/order/adapter.ts -> kit/adapters/dapr/sidecar.ts',
    ],
    [
      'a service that imports test support',
      'kit-public-folders: services/order/support.ts -> kit/testing/testbed.ts',
    ],
    [
      'product code that imports test support',
      'test-support-is-not-built: services/order/support.ts -> kit/testing/testbed.ts',
    ],
    [
      'a retail type that imports more than the core',
      'retail-types: retail/price.ts -> kit/messages/contract.ts',
    ],
    [
      'a contract that imports a service',
      'contracts: contracts/order.ts -> services/order/domain.ts',
    ],
    [
      'a service that imports another',
      'service-imports: services/order/static.ts -> services/inventory/domain.ts',
    ],
    [
      'a service that imports a type of another',
      'service-imports: services/order/type.ts -> services/inventory/domain.ts',
    ],
    [
      'a service that re-exports from another',
      'service-imports: services/order/export.ts -> services/inventory/domain.ts',
    ],
    [
      'a service that imports another dynamically',
      'service-imports: services/order/dynamic.ts -> services/inventory/domain.ts',
    ],
    [
      'a service that requires another',
      'service-imports: services/order/require.ts -> services/inventory/domain.ts',
    ],
    [
      'a service that imports a file outside',
      'service-imports: services/order/outside.ts -> test/helper.ts',
    ],
    ['a package that is not installed', 'resolvable: services/order/undeclared.ts -> left-pad'],
    [
      'a package that only development needs',
      /^npm-declared: services\/order\/dev\.ts -> .*@jest\/globals/,
    ],
    [
      'a machine that imports a vend',
      'vending-machine-below-vend: services/vending/machine/slots.ts -> services/vending/vend/vend.ts',
    ],
    [
      'a cycle of type imports',
      /^no-cycle: services\/inventory\/(domain|second)\.ts -> services\/inventory\/(domain|second)\.ts$/,
    ],
  ])('catch %s', (_, expected) => {
    const isExpected = (found: string) =>
      typeof expected === 'string' ? found === expected : expected.test(found);
    expect(violations.filter(isExpected)).not.toEqual([]);
  });

  test('allow a service its own folder, the kit, contracts, retail types, generated code and npm', () => {
    expect(violations.filter((found) => found.includes('services/order/allowed.ts'))).toEqual([]);
  });

  test('allow boot its adapters', () => {
    expect(violations.filter((found) => found.includes('kit/boot/'))).toEqual([]);
  });

  test('hold in this project', () => {
    expect(violationsIn(root)).toEqual([]);
  });
});

describe('no service names a broker, a database or Dapr', () => {
  test.each(['// Redis drops it', `await fetch(daprUrl)`, `const pubsub = 'kafka'`])(
    '%s is caught',
    (text) => {
      expect(plumbingWords(file('services/order/service.ts', `\n${text}`))).toEqual([
        expect.stringMatching(/^services\/order\/service\.ts:2 mentions /),
      ]);
    },
  );

  test('the services comply', () => {
    // the payment provider simulator is an external system, and the counters of rate limits are neither
    // events nor documents
    const outside = [
      'services/payment/simulator/',
      'services/gateway/rate-limits/shared-counters.ts',
    ];
    const inside = ({ path }: SourceFile) => !outside.some((start) => path.startsWith(start));
    expect(plumbingWords(filesOf('services').filter(inside))).toEqual([]);
  });
});

describe('file names are in kebab-case, and there are no barrels', () => {
  test.each(['kit/deadLetters.ts', 'kit/index.ts', 'services/order/Service.ts'])(
    '%s is caught',
    (path) => {
      expect(fileNames(file(path, ''))).toHaveLength(1);
    },
  );

  test('all files comply', () => {
    const folders = ['kit', 'retail', 'contracts', 'services', 'test', 'scripts', 'components'];
    expect(fileNames(folders.flatMap(filesOf))).toEqual([]);
  });
});
