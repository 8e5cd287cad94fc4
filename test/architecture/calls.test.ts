import { describe, expect, test } from '@jest/globals';
import { gateway } from '../../services/gateway/definition';
import { routes } from '../../services/gateway/routes/table';
import { accessControlOf } from '../../scripts/start/access-control.mjs';
import type { Service } from '#kit/service/service';
import { methods } from '#kit/service/definition';
import { Service as AnyService } from '#kit/service/service';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { type SourceFile, unusedCalls } from './rules';
import { filesOf, isTest, services } from './tree';

// The compiler refuses a call that a definition does not declare. Here is the opposite: a right without a use.

const isCode = (file: SourceFile) =>
  file.path.endsWith('.ts') && !isTest(file) && !/testing|definition\.ts$/.test(file.path);

/** The calls of the gateway's routes, which name methods and not clients. */
function routed(app: string): string[] {
  return routes.flatMap((route) => {
    if ('handle' in route || route.app !== app) return [];
    return [('rpc' in route ? route.rpc : route.streams).localName];
  });
}

const codeOf = ({ name }: Service) =>
  [...filesOf(`services/${name}`), ...filesOf('retail')].filter(isCode);

describe('a service declares no call that it does not make', () => {
  test('a method without a use is caught', () => {
    const reader = new AnyService('reader', {
      calls: { user: methods(UserService, 'getContact', 'createApiKey') },
    });
    const files = [{ path: 'services/reader/read.ts', text: 'await user.getContact({ userId });' }];
    expect(unusedCalls(reader, files)).toEqual([
      'reader declares the call user/createApiKey and does not make it',
    ]);
  });

  test('the services comply', async () => {
    const all = (await services()).filter(({ name }) => name !== gateway.name);
    expect(all.flatMap((service) => unusedCalls(service, codeOf(service)))).toEqual([]);
  });

  test('the gateway declares the calls of its routes and of its own code', () => {
    const own = filesOf('services/gateway').filter(isCode);
    for (const [app, { methods: declared }] of Object.entries(gateway.definition.calls)) {
      expect(declared).toEqual(expect.arrayContaining(routed(app)));
    }
    const withoutRoute = Object.entries(gateway.definition.calls).map(
      ([app, { service, methods: declared }]) =>
        [
          app,
          { service, methods: declared.filter((name) => !routed(app).includes(name)) },
        ] as const,
    );
    const unused = { name: 'gateway', definition: { calls: Object.fromEntries(withoutRoute) } };
    expect(unusedCalls(unused, own)).toEqual([]);
    const operations = [...routed(':service'), 'getStatus'].sort();
    expect([...gateway.definition.operations].sort()).toEqual(operations);
  });
});

describe('the access list of a sidecar', () => {
  test('permits each caller the methods that it declares, one by one, and nothing else', async () => {
    const all = await services();
    for (const { name } of all) {
      const { defaultAction, policies } = accessControlOf(name);
      expect(defaultAction).toBe('deny');
      for (const { appId, defaultAction: otherwise, operations } of policies) {
        expect(otherwise).toBe('deny');
        expect(operations).not.toEqual([]);
        const { calls = {}, operations: common = [] } =
          all.find((service) => service.name === appId)?.definition ?? {};
        const declared = calls[name];
        const names = [...(declared?.methods ?? []), ...common].map(
          (method) => method.charAt(0).toUpperCase() + method.slice(1),
        );
        expect(operations.map((operation) => operation.name.split('/')[2]).sort()).toEqual(
          names.sort(),
        );
        for (const operation of operations) {
          // no wildcard, and no callback of Dapr
          expect(operation.name).toMatch(/^\/retail\.[\w.]+Service\/\w+$/);
          expect(operation.action).toBe('allow');
        }
      }
    }
  });

  test('notification, which reads contacts, may not create an API key', () => {
    const { policies } = accessControlOf('user');
    const { operations = [] } = policies.find(({ appId }) => appId === 'notification') ?? {};
    expect(operations.map(({ name }) => name)).toEqual([
      '/retail.user.v1.UserService/GetAccountMail',
      '/retail.user.v1.UserService/GetContact',
    ]);
  });
});
