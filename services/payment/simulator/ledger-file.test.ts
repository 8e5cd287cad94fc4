import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { applyCharge } from './ledger';
import { LedgerFile } from './ledger-file';

const folder = mkdtempSync(join(tmpdir(), 'ledger-'));
const path = join(folder, 'ledger.db');
afterEach(() => {
  rmSync(folder, { recursive: true });
});

it('has its entries when it is opened again, even if it was never closed', () => {
  const amount = { amount: '10.00', currency: 'EUR' };
  const before = new LedgerFile(path);
  before.set('pay_1', applyCharge(undefined, amount, 'tok_flaky'));
  before.set('pay_1', applyCharge(before.get('pay_1'), amount, 'tok_ok'));
  before.set('pay_2', applyCharge(undefined, amount, 'tok_declined'));

  const after = new LedgerFile(path);
  expect(after.get('pay_1')).toMatchObject({ state: 'captured', amount });
  expect(after.get('pay_3')).toBeUndefined();
  expect(after.entries().map(([key, { state }]) => [key, state])).toEqual([
    ['pay_1', 'captured'],
    ['pay_2', 'declined'],
  ]);
  for (const file of [before, after]) file.close();
});
