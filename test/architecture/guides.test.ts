import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { routes } from '../../services/gateway/routes/table';
import {
  type Tree,
  blocksOf,
  commands,
  diagramNames,
  handlingOf,
  links,
  names,
  quotes,
  timeouts,
  unchecked,
} from './guides';
import {
  apps,
  contracts,
  descriptors,
  documents as allDocuments,
  filesOf,
  isTest,
  read,
  root,
} from './tree';

const tree: Tree = {
  text: (path) => {
    const file = join(root, path);
    return existsSync(file) && statSync(file).isFile() ? read(path) : undefined;
  },
  exists: (path) => existsSync(join(root, path)),
};
const documents = allDocuments();

const page = (...lines: string[]) => [{ path: 'docs/page.md', text: lines.join('\n') }];
const files: Readonly<Record<string, string>> = {
  'kit/a.ts': 'const CALL_MS = 5 * 1_000;\n\nfunction f() {\n  return 1;\n}\n',
  'docs/other.md': '# Other\n\n## Time, and `code`\n',
};
const small: Tree = { text: (path) => files[path], exists: (path) => path in files };

describe('code that a document quotes is in the file that it names', () => {
  const quoted = (...lines: string[]) => page('```ts file=kit/a.ts', ...lines, '```');

  test.each([
    [['return 2;']],
    [['return 1;', '}', '}']],
    [['return 1;', '// ...', 'function f() {']],
  ])('%j is caught', (lines) => {
    expect(quotes(quoted(...lines), small)).toHaveLength(1);
  });

  test('a file that does not exist is caught', () => {
    expect(quotes(page('```ts file=kit/b.ts', '```'), small)).toHaveLength(1);
  });

  test('indentation and omitted lines make no difference', () => {
    expect(quotes(quoted('function f() {', 'return 1;'), small)).toEqual([]);
    expect(quotes(quoted('const CALL_MS = 5 * 1_000;', '// ...', '}'), small)).toEqual([]);
  });

  test('the documents keep to it', () => {
    expect(quotes(documents, tree)).toEqual([]);
  });
});

describe('every block of a document is run or validated', () => {
  const runner = { ...small, text: () => "type('npm', 'start', '--bus', 'kafka')" };
  const block = (info: string, comment: string, ...lines: string[]) =>
    page(...(comment === '' ? [] : [`<!-- ${comment} -->`, '']), `\`\`\`${info}`, ...lines, '```');

  test.each([
    ['', ''],
    ['json', ''],
    ['ts', ''],
    ['sh', 'not today'],
    ['json', 'run with: --help'],
    ['text', 'checked as:'],
    ['text', 'checked as: a poem'],
    ['sh', 'run by: gone.test.ts'],
  ])('```%s after <!-- %s --> is caught', (info, comment) => {
    expect(unchecked(block(info, comment, 'npm start'), small)).toHaveLength(1);
  });

  test('a command that the named test does not run is caught', () => {
    const [info, comment] = ['sh', 'run by: a.test.ts'];
    expect(unchecked(block(info, comment, 'npm start -- --bus kafka'), runner)).toEqual([]);
    expect(unchecked(block(info, comment, 'npm start -- --bus redis'), runner)).toEqual([
      'docs/page.md:3: a.test.ts does not have redis',
    ]);
  });

  test.each([
    ['ts file=kit/a.ts', '', 'quoted'],
    ['mermaid', '', 'diagram'],
    ['sh', '', 'run'],
    ['sh', 'run with: --runs 20', 'run'],
    ['sh', 'options only: it takes an hour', 'options only'],
    ['json', 'checked as: device message', 'checked as'],
  ])('```%s after <!-- %s --> is %s', (info, comment, how) => {
    const [only] = blocksOf(block(info, comment));
    expect(only && handlingOf(only)?.how).toBe(how);
  });

  test('the documents keep to it', () => {
    expect(unchecked(documents, tree)).toEqual([]);
  });
});

describe('diagrams name what exists', () => {
  const diagram = [
    'sequenceDiagram',
    '  gateway->>order: PlaceOrder',
    '  order-)order: order.place (a command)',
    '  Note over order: order.created',
    '  gateway-->>Client: 201',
  ];

  test('methods, messages and services are read', () => {
    expect(diagramNames({ lines: diagram })).toEqual({
      messages: ['order.place', 'order.created'],
      methods: ['PlaceOrder'],
      participants: ['gateway', 'order'],
    });
  });

  test('the documents keep to it', async () => {
    const types = new Set([...(await contracts()).keys()].map(({ type }) => type));
    const methods = new Set(
      (await descriptors()).flatMap(({ services }) =>
        services.flatMap((service) => service.methods.map(({ name }) => name)),
      ),
    );
    const known = new Set([...apps(), 'provider', 'bus', 'sidecar']);
    const unknown = blocksOf(documents)
      .filter((block) => handlingOf(block)?.how === 'diagram')
      .flatMap((block) => {
        const named = diagramNames(block);
        return [
          ...named.messages.filter((name) => !types.has(name)),
          ...named.methods.filter((name) => !methods.has(name)),
          ...named.participants.filter((name) => !known.has(name)),
        ].map((name) => `${block.document}:${block.line} names ${name}`);
      });
    expect(unknown).toEqual([]);
  });
});

describe('commands in the documents can be run', () => {
  const check = (line: string) =>
    commands(page('```sh', line, '```'), small, new Set(['test']), ['/orders/:orderId']);

  test.each(['npm run tset', 'npm test -- kit/b.ts', 'curl "$api/orders"', 'curl $api/order/o1'])(
    '%s is caught',
    (line) => {
      expect(check(line)).toHaveLength(1);
    },
  );

  test.each(['npm ci', 'npm test -- kit/a.ts', 'curl "$api/orders/<orderId>?x=1"'])(
    '%s passes',
    (line) => {
      expect(check(line)).toEqual([]);
    },
  );

  test('the documents keep to it', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: object };
    const paths = routes.map(({ path }) => path);
    expect(commands(documents, tree, new Set(Object.keys(scripts)), paths)).toEqual([]);
  });
});

describe('links in the documents lead somewhere', () => {
  test.each(['[a](gone.md)', '[a](other.md#place)', '[a](#time)'])('%s is caught', (link) => {
    expect(links(page(link), { ...small, exists: (path) => !path.includes('gone') })).toHaveLength(
      1,
    );
  });

  test('a heading, and a site outside, pass', () => {
    const text = '[a](other.md#time-and-code) [b](https://example.com/x) `[c](gone.md)`';
    expect(links(page(text), small)).toEqual([]);
  });

  test('the documents keep to it', () => {
    expect(links(documents, tree)).toEqual([]);
  });
});

describe('tables name what the linked file has, with its value', () => {
  const table = (row: string) => page('| name | value | defined in |', '| --- | --- | --- |', row);

  test.each([
    '| `CALL_MS` | 6 s | [a](../kit/a.ts) |',
    '| `WAIT_MS` | 5 s | [a](../kit/a.ts) |',
    '| **call** | `call()` | [a](../kit/a.ts) |',
  ])('%s is caught', (row) => {
    expect(names(table(row), small)).toHaveLength(1);
  });

  test('a row that is right passes', () => {
    expect(names(table('| `CALL_MS` | 5 s | [a](../kit/a.ts) |'), small)).toEqual([]);
  });

  test('the documents keep to it', () => {
    expect(names(documents, tree)).toEqual([]);
  });
});

describe('every timeout is in docs/architecture.md', () => {
  const [table] = page('| name | value | defined in |', '| `CALL_MS` | 5 s | [a](../kit/a.ts) |');
  const source = (text: string) => [{ path: 'kit/a.ts', text }];

  test('a constant without a row is caught, unless it is no timeout', () => {
    const text =
      'const CALL_MS = 5_000;\nexport const WAIT_SECONDS = 2;\nconst DAY_MS = 86_400_000;';
    expect(timeouts(table!, source(text), ['DAY_MS'])).toEqual([
      'docs/page.md has no row for WAIT_SECONDS of kit/a.ts',
    ]);
  });

  test('the tree keeps to it', () => {
    const exempt = ['DAY_MS', 'SLICE_MS'];
    const path = 'docs/architecture.md';
    const sources = [...filesOf('kit'), ...filesOf('services')].filter(
      (file) => !isTest(file) && !file.path.startsWith('kit/testing/'),
    );
    expect(timeouts({ path, text: read(path) }, sources, exempt)).toEqual([]);
  });
});

test('each guide quotes an example that runs', () => {
  const guides = filesOf('docs/guides').filter(({ path }) => !path.endsWith('/README.md'));
  const without = guides.filter(({ path, text }) => {
    const example = path.replace('docs/', 'test/').replace('.md', '.test.ts');
    return !text.includes(`file=${example}`);
  });
  expect(without.map(({ path }) => path)).toEqual([]);
});
