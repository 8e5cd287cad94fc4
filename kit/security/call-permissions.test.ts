import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
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
