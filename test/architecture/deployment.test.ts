import { describe, expect, test } from '@jest/globals';
import { runFile, scopes, targets } from './deployment';
import { apps, filesOf, read, services } from './tree';

describe('dapr.yaml, ports and folders agree', () => {
  const run = (app: string) => `
    common: { appProtocol: grpc }
    apps:
      - ${app}`;
  const good = `{ appID: user, appPort: 13001, command: [node, dist/services/user/main.js], env: { PORT: '3001' } }`;

  test.each([
    ['another PORT', good.replace("'3001'", "'3002'"), 'user has PORT 3002, not 3001'],
    ['another appPort', good.replace('13001', '3001'), 'user has appPort 3001, which does not'],
    ['another program', good.replace('user/main', 'order/main'), 'user does not run dist/services'],
    ['an app without a folder', good.replace('ID: user', 'ID: shop'), 'shop has no folder'],
    [
      'a port twice',
      `${good}\n      - ${good.replaceAll('user', 'tax')}`,
      'port 3001 is given twice',
    ],
    ['an app twice', `${good}\n      - ${good}`, 'user is run twice'],
  ])('%s is caught', (_, app, fault) => {
    expect(runFile(run(app), ['user'])).toContainEqual(expect.stringContaining(fault));
  });

  test('a folder that is not run is caught', () => {
    expect(runFile(run(good), ['user', 'order'])).toEqual(['dapr.yaml does not run order']);
  });

  test('an agreeing file passes', () => {
    expect(runFile(run(good), ['user'])).toEqual([]);
  });

  test('the tree keeps to it', () => {
    expect(runFile(read('dapr.yaml'), apps())).toEqual([]);
  });
});

describe('components are for apps that there are', () => {
  test('an unknown app is caught', () => {
    expect(scopes([{ path: 'components/x.yaml', text: 'scopes: [ordr]' }], ['order'])).toHaveLength(
      1,
    );
  });

  test('the tree keeps to it', () => {
    expect(scopes(filesOf('components'), apps())).toEqual([]);
  });
});

describe('each app that is called is a target of resiliency', () => {
  test('a called app without a target is caught', () => {
    const text = 'spec: { targets: { apps: { user: {} } } }';
    expect(targets(text, ['user', 'order'])).toEqual([expect.stringMatching(/^order is called/)]);
  });

  test('the tree keeps to it', async () => {
    const called = (await services()).flatMap(({ definition }) =>
      Object.keys(definition.calls ?? {}),
    );
    // the gateway calls every service
    const behind = apps().filter((app) => app !== 'gateway');
    expect(targets(read('components/resiliency.yaml'), [...called, ...behind])).toEqual([]);
  });
});
