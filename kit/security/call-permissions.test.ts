import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Metadata } from '@grpc/grpc-js';
import { Code } from '../core/errors';
import { CallerAuth } from '../adapters/dapr/caller-auth';
import { silentLog } from '../core/log';
import { permittedCallers } from './call-permissions';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'service-calls-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const file = (text: string) => {
  const path = join(folder, 'calls.json');
  writeFileSync(path, text);
  return path;
};
const calls = JSON.stringify({
  services: { gateway: ['order', 'inventory'], order: ['inventory', 'payment'] },
  others: { 'stock-watch': ['inventory'] },
});

describe('the permitted callers of a service', () => {
  it.each([
    ['inventory', ['gateway', 'order', 'stock-watch']],
    ['payment', ['order']],
    ['gateway', []],
  ])('are the services that declare calls to %s', async (service, callers) => {
    expect([...(await permittedCallers(service, file(calls)))]).toEqual(callers);
  });

  it.each(['{', '{}', '{"services":{"order":"inventory"},"others":{}}'])(
    'cannot be read from the file %s',
    async (text) => {
      await expect(permittedCallers('inventory', file(text))).rejects.toThrow('SERVICE_CALLS');
      await expect(permittedCallers('inventory', join(folder, 'none.json'))).rejects.toThrow(
        'none.json',
      );
    },
  );
});

describe('a call without a service token', () => {
  const from = (caller?: string) => {
    const metadata = new Metadata();
    if (caller !== undefined) metadata.set('dapr-caller-app-id', caller);
    return metadata;
  };
  const authFor = (callers?: ReadonlySet<string>) =>
    new CallerAuth(undefined, undefined, callers, silentLog);

  it('is accepted only from a declared caller', async () => {
    const auth = authFor(new Set(['order']));
    await expect(auth.authorizeCall(from('order'))).resolves.toBeUndefined();
    for (const caller of ['payment', undefined]) {
      await expect(auth.authorizeCall(from(caller))).rejects.toMatchObject({
        code: Code.PERMISSION_DENIED,
        message: `${caller ?? 'an unidentified caller'} is not declared as a caller of this service`,
        details: { reason: 'undeclared_call' },
      });
    }
  });

  it('is accepted from any caller if no callers are declared', async () => {
    await expect(authFor().authorizeCall(from('payment'))).resolves.toBeUndefined();
  });
});
