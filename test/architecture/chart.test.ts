import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { methods } from '#kit/service/definition';
import { Service } from '#kit/service/service';
import { defineEvent } from '#kit/messages/contract';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { chartFiles, chartSources } from '../../scripts/docs/chart.mjs';
import { composeFile } from '../../scripts/docs/compose.mjs';
import { readApps } from '../../scripts/start/project.mjs';
import { filesOf, read, services } from './tree';

const Environment = z.object({
  common: z.array(z.string()),
  services: z.record(z.string(), z.array(z.string())),
});

const Table = z.object({ services: z.record(z.string(), z.record(z.string(), z.unknown())) });

const sources = () => new Map(chartSources().map((path) => [path, read(path)]));

test('deploy/chart/files is up to date: `npm run docs` would change nothing', async () => {
  const { common, services: variables } = Environment.parse(
    JSON.parse(read('components/environment.json')),
  );
  const written = chartFiles({
    services: await services(),
    apps: readApps(),
    variables,
    common,
    files: sources(),
  });
  const there = new Map(filesOf('deploy/chart/files').map(({ path, text }) => [path, text]));
  expect([...there.keys()].sort()).toEqual([...written.keys()].sort());
  const stale = [...written].filter(([path, text]) => there.get(path) !== text);
  expect(stale.map(([path]) => path)).toEqual([]);
});

test('deploy/compose.yaml is up to date: `npm run docs` would change nothing', async () => {
  expect(read('deploy/compose.yaml')).toBe(composeFile(await services(), readApps()));
});

test('a new service is a row of the table, with an account at each broker', () => {
  const Happened = defineEvent('Happened', {
    type: 'thing.happened',
    description: 'A thing happened.',
    data: z.object({ id: z.string() }),
    subject: ({ id }) => id,
  });
  const added = new Service('loyalty', {
    calls: { user: methods(UserService, 'getContact') },
    publishes: [Happened],
    config: z.object({ POINTS: z.string() }),
  });
  added.every('sweep', '@every 1m', async () => undefined);
  const written = chartFiles({
    services: [added],
    apps: [{ id: 'loyalty', port: 3020, appPort: 13020, main: '' }],
    variables: { loyalty: ['POINTS'] },
    common: [],
    files: sources(),
  });
  const text = (name: string) => written.get(`deploy/chart/files/${name}`) ?? '';
  expect(Table.parse(JSON.parse(text('services.json'))).services).toMatchObject({
    loyalty: {
      httpPort: 3020,
      appPort: 13020,
      jobs: true,
      calls: ['user'],
      publishes: ['thing.happened'],
      subscribes: [],
      variables: ['POINTS'],
    },
  });
  expect(text('redis-users.acl')).toContain('~thing.happened');
  expect(text('rabbitmq-definitions.json')).toContain('"user": "loyalty"');
});

test('an app that dapr.yaml does not run is reported', () => {
  const unknown = new Service('unknown', {});
  const given = { services: [unknown], apps: [], variables: {}, common: [], files: sources() };
  expect(() => chartFiles(given)).toThrow('dapr.yaml does not run unknown');
});
