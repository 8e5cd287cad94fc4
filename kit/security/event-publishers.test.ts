import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ConfigError, packageFile } from '../core/config';
import { eventPublishers } from './event-publishers';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'omnichannel-publishers-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});
const file = (text: string) => {
  const path = join(folder, 'publishers.json');
  writeFileSync(path, text);
  return path;
};

test('an app publishes on the topics that the file lists for it, and on no other', async () => {
  const text = { services: { lamps: ['lamp.lit'] }, others: { watch: ['lamp.seen'] } };
  const publishes = await eventPublishers(file(JSON.stringify(text)));
  expect(publishes('lamps', 'lamp.lit')).toBe(true);
  expect(publishes('watch', 'lamp.seen')).toBe(true);
  for (const [app, topic] of [
    ['lamps', 'lamp.seen'],
    ['watch', 'lamp.lit'],
    ['shop', 'lamp.lit'],
    ['lamps', 'constructor'],
    ['__proto__', 'lamp.lit'],
    ['', ''],
  ] as const) {
    expect(publishes(app, topic)).toBe(false);
  }
});

test.each([
  ['no JSON', '{'],
  ['no object', '[]'],
  ['no part for other apps', '{"services": {}}'],
  ['a topic that is not in a list', '{"services": {"lamps": "lamp.lit"}, "others": {}}'],
])('a file with %s is an error that names the variable', async (_, text) => {
  await expect(eventPublishers(file(text))).rejects.toThrow(ConfigError);
  await expect(eventPublishers(file(text))).rejects.toThrow('EVENT_PUBLISHERS');
});

test('a missing file is an error: no event is taken without knowing its publishers', async () => {
  await expect(eventPublishers(join(folder, 'missing.json'))).rejects.toThrow('EVENT_PUBLISHERS');
});

test('the file of the repository lets each command be published by one service', async () => {
  const publishes = await eventPublishers(packageFile('components', 'publishers.json'));
  expect(publishes('payment', 'payment.refund')).toBe(true);
  expect(publishes('order', 'payment.refund')).toBe(false);
  expect(publishes('inventory', 'stock.adjust')).toBe(true);
  expect(publishes('product', 'stock.adjust')).toBe(false);
});
