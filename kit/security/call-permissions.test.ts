import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Metadata } from '@grpc/grpc-js';
import { Code } from '../core/errors';
import { CallerAuth } from '../adapters/dapr/caller-auth';
import { silentLog } from '../core/log';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import { type PermittedCallers, permittedCallers } from './call-permissions';

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
const GET_STOCK = 'retail.inventory.v1.InventoryService/GetStock';
const calls = JSON.stringify({
  services: {
    gateway: { inventory: [GET_STOCK], order: ['retail.order.v1.OrderService/GetOrder'] },
    order: { inventory: [GET_STOCK, 'retail.inventory.v1.InventoryService/Reserve'] },
  },
  others: { 'stock-watch': { inventory: [GET_STOCK] } },
});

describe('the permitted callers of a service', () => {
  const { getStock, reserve, release } = InventoryService.method;
  it.each([
    ['inventory', getStock, ['gateway', 'order', 'stock-watch']],
    ['inventory', reserve, ['order']],
    ['inventory', release, []],
    ['order', reserve, []],
    ['payment', getStock, []],
  ])(
    'of %s are the services that declare that they call $name',
    async (service, method, callers) => {
      const permitted = await permittedCallers(service, file(calls));
      const name = `${method.parent.typeName}/${method.name}`;
      expect([...(permitted.get(name) ?? [])]).toEqual(callers);
    },
  );

  it.each(['{', '{}', '{"services":{"order":["inventory"]},"others":{}}'])(
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
  const { getStock, reserve } = InventoryService.method;
  const authFor = (callers?: PermittedCallers) =>
    new CallerAuth(undefined, undefined, callers, silentLog);

  it('is accepted only from a declared caller of the method', async () => {
    const auth = authFor(new Map([[GET_STOCK, new Set(['order'])]]));
    await expect(auth.authorizeCall(from('order'), getStock)).resolves.toBeUndefined();
    const refused = [
      ['payment', getStock],
      [undefined, getStock],
      ['order', reserve],
    ] as const;
    for (const [caller, method] of refused) {
      const name = `${method.parent.typeName}/${method.name}`;
      await expect(auth.authorizeCall(from(caller), method)).rejects.toMatchObject({
        code: Code.PERMISSION_DENIED,
        message: `${caller ?? 'an unidentified caller'} is not declared as a caller of ${name}`,
        details: { reason: 'undeclared_call' },
      });
    }
  });

  it('is accepted from any caller if no callers are declared', async () => {
    await expect(authFor().authorizeCall(from('payment'), getStock)).resolves.toBeUndefined();
  });
});
