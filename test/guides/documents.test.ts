import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { readMessage } from '#contracts/device-messages';
import { CallPermissions } from '#kit/security/call-permissions';
import { unreleasedEntries } from '../../scripts/contracts/released-contracts.mjs';
import { inProject } from '../../scripts/start/project.mjs';
import { deviceBrokers } from '../../scripts/start/servers.mjs';
import { blocksCheckedIn, blocksOf, handlingOf } from '../architecture/guides';
import { documents, services } from '../architecture/tree';
import { readRunFile } from '../harness/run-file';
import { commandLinesOf, helpOfCommand } from './commands';

// The blocks of documents that are not commands, and the options of those that cannot be run. Commands that
// can are run by test/start/documents.test.ts.

const RunFilePart = z.object({ resourcesPaths: z.array(z.string()) });

const CHECKERS: Readonly<Record<string, (text: string) => unknown>> = {
  'changelog entries': (text) => {
    const lines = text.trim().split('\n');
    expect(unreleasedEntries(`## Unreleased\n${text}`).size).toBe(lines.length);
  },
  'device message': (text) => {
    expect(readMessage('stock', text)).toMatchObject({ kind: 'stock' });
  },
  'calls of others': async (text) => {
    const { others } = CallPermissions.parse({ services: {}, ...parse(`{${text}}`) });
    const served = new Set(
      (await services()).flatMap(({ definition: { serves } }) =>
        (serves?.methods ?? []).map(({ name }) => `${serves?.typeName}/${name}`),
      ),
    );
    const named = Object.values(others).flatMap((calls) => Object.values(calls).flat());
    expect(named.filter((method) => !served.has(method))).toEqual([]);
  },
  'resource paths': (text) => {
    const { resourcesPaths } = RunFilePart.parse(parse(text));
    expect(resourcesPaths).toEqual(readRunFile().common.resourcesPaths);
    // `./components/bus/redis # rabbitmq, kafka, or any folder with a component named bus`
    for (const [, folder = '', others = ''] of text.matchAll(/- (\S+)\/\S+ # ([\w, ]+?),? or /g)) {
      const missing = others.split(', ').filter((name) => !existsSync(inProject(folder, name)));
      expect(missing).toEqual([]);
    }
  },
  'RabbitMQ settings': async (text) => {
    const folder = mkdtempSync(join(tmpdir(), 'omnichannel-settings-'));
    try {
      const platform = { userName: 'platform', password: 'only-for-tests-of-one-minute' };
      await deviceBrokers.rabbitmq(platform).plan('', [1, 2, 3, 4, 5], folder, 1);
      const [settings, advanced] = ['rabbitmq.conf', 'advanced.config'].map((name) =>
        readFileSync(join(folder, name), 'utf8'),
      );
      const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      const missing = lines.filter((line) => {
        const [name = '', value = ''] = line.split(' = ');
        const inErlang = `{${name.replace('mqtt.', '')}, ${value}}`;
        return settings?.includes(`${line}\n`) !== true && advanced?.includes(inErlang) !== true;
      });
      expect(missing).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

test.each(
  blocksCheckedIn(documents(), 'test/guides/documents.test.ts').map(({ checker, block }) => ({
    where: `${block.document}:${block.line}`,
    checker,
    text: block.lines.map((line) => line.trimStart()).join('\n'),
  })),
)('$where is right as $checker', async ({ checker, text }) => {
  const check = CHECKERS[checker];
  if (check === undefined) throw new Error(`there is no checker ${checker}`);
  await check(text);
});

describe('the options of commands that cannot be run here are accepted', () => {
  const lines = blocksOf(documents())
    .filter((block) => handlingOf(block)?.how === 'options only')
    .flatMap((block) =>
      commandLinesOf(block).map((line) => ({ where: `${block.document}:${block.line}`, line })),
    );

  test.each(lines)('$line ($where)', async ({ line }) => {
    const { code, output } = await helpOfCommand(line);
    expect(output).toContain('Exit codes:');
    expect(code).toBe(0);
  });
});
