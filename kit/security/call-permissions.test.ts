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

describe('who may call a service', () => {
  it.each([
    ['inventory', ['gateway', 'order', 'stock-watch']],
    ['payment', ['order']],
    ['gateway', []],
  ])('is who says that it calls %s', async (service, callers) => {
    expect([...(await permittedCallers(service, file(calls)))]).toEqual(callers);
  });

  it.each(['{', '{}', '{"services":{"order":"inventory"},"others":{}}'])(
    'is not guessed where the file is %s',
    async (text) => {
      await expect(permittedCallers('inventory', file(text))).rejects.toThrow('SERVICE_CALLS');
      await expect(permittedCallers('inventory', join(folder, 'none.json'))).rejects.toThrow(
        'none.json',
      );
    },
  );
});

describe('where the sidecars know who calls', () => {
  const from = (caller?: string) => {
    const metadata = new Metadata();
    if (caller !== undefined) metadata.set('dapr-caller-app-id', caller);
    return metadata;
  };
  const admission = (callers?: ReadonlySet<string>) =>
    new CallerAuth(undefined, undefined, callers, silentLog);

  it('a service is let in that declares its calls, and no other', async () => {
    const door = admission(new Set(['order']));
    await expect(door.authorizeCall(from('order'))).resolves.toBeUndefined();
    for (const caller of ['payment', undefined]) {
      await expect(door.authorizeCall(from(caller))).rejects.toMatchObject({
        code: Code.PERMISSION_DENIED,
        message: `${caller ?? 'who calls'} does not declare that it calls this service`,
        details: { reason: 'undeclared_call' },
      });
    }
  });

  it('all are let in where nothing is said of who calls whom', async () => {
    await expect(admission().authorizeCall(from('payment'))).resolves.toBeUndefined();
  });
});
