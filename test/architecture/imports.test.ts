import { describe, expect, test } from '@jest/globals';
import {
  type SourceFile,
  contractImports,
  fileNames,
  kitImports,
  plumbingWords,
  serviceImports,
} from './rules';
import { filesOf, isTest, packages } from './tree';

const npm = new Set(['zod']);
const file = (path: string, text: string) => [{ path, text }];

describe('a service imports its own folder, #kit, #contracts, #proto and npm', () => {
  const path = 'services/order/service.ts';

  test.each([
    `import { reserve } from '../inventory/domain';`,
    `import type { Stock } from '../inventory/domain';`,
    `export { reserve } from '../inventory/domain';`,
    `const domain = await import('../inventory/domain');`,
    `const domain = require('../inventory/domain');`,
    `import { helper } from '../../kit/helper';`,
    `import { left } from 'left-pad';`,
  ])('%s is caught', (text) => {
    expect(serviceImports(file(path, text), npm)).toHaveLength(1);
  });

  test('what it may import passes', () => {
    const text = `
      import { readFile } from 'node:fs/promises';
      import { z } from 'zod';
      import { Service } from '#kit/service';
      import { OrderCreated } from '#contracts/order';
      import { OrderService } from '#proto/retail/order/v1/order_pb';
      import { place } from './domain';`;
    expect(serviceImports(file(path, text), npm)).toEqual([]);
  });

  test('the tree keeps to it', () => {
    const files = filesOf('services').filter(({ path }) => path.endsWith('.ts'));
    const run = files.filter((file) => !isTest(file));
    expect(serviceImports(run, packages('run'))).toEqual([]);
    expect(serviceImports(files.filter(isTest), packages('test'))).toEqual([]);
  });
});

describe('the kit knows no service and no contract', () => {
  test.each([
    `import { order } from '../services/order/service';`,
    `import { OrderCreated } from '#contracts/order';`,
    `import { OrderService } from '#proto/retail/order/v1/order_pb';`,
  ])('%s is caught', (text) => {
    expect(kitImports(file('kit/host.ts', text), npm)).toHaveLength(1);
  });

  test('the tree keeps to it', () => {
    const run = filesOf('kit').filter((file) => !isTest(file));
    expect(kitImports(run, packages('test'))).toEqual([]);
  });
});

describe('contracts know the kit only', () => {
  test('an import of a service is caught', () => {
    const text = `import { Order } from '../services/order/domain';`;
    expect(contractImports(file('contracts/order.ts', text), npm)).toHaveLength(1);
  });

  test('the tree keeps to it', () => {
    expect(contractImports(filesOf('contracts'), packages('test'))).toEqual([]);
  });
});

describe('no service names what carries its events or keeps its documents', () => {
  test.each(['// Redis drops it', `await fetch(daprUrl)`, `const pubsub = 'kafka'`])(
    '%s is caught',
    (text) => {
      expect(plumbingWords(file('services/order/service.ts', `\n${text}`))).toEqual([
        expect.stringMatching(/^services\/order\/service\.ts:2 says /),
      ]);
    },
  );

  test('the tree keeps to it', () => {
    // the simulated provider is outside of the system, and keeps its books as it likes; what the
    // edge counts is neither an event nor a document
    const outside = ['services/payment/simulator/', 'services/gateway/shared-counters.ts'];
    const inside = ({ path }: SourceFile) => !outside.some((start) => path.startsWith(start));
    expect(plumbingWords(filesOf('services').filter(inside))).toEqual([]);
  });
});

describe('files are named in kebab-case and are no barrels', () => {
  test.each(['kit/deadLetters.ts', 'kit/index.ts', 'services/order/Service.ts'])(
    '%s is caught',
    (path) => {
      expect(fileNames(file(path, ''))).toHaveLength(1);
    },
  );

  test('the tree keeps to it', () => {
    const folders = ['kit', 'contracts', 'services', 'test', 'scripts', 'components'];
    expect(fileNames(folders.flatMap(filesOf))).toEqual([]);
  });
});
