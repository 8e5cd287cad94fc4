import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { Edge } from './edge';
import { SHOP, type Shopper, SystemFixture } from './fixtures';

// Two editors of one record, through real sidecars: nobody overwrites what the other has done.

const ROUNDS = 10;

let fixture: SystemFixture;
let shopper: Shopper;
let productId: string;

beforeAll(async () => {
  fixture = await SystemFixture.open();
  shopper = await fixture.shopper();
  productId = await fixture.product(0);
}, 180_000);
afterAll(() => fixture.close());

const Data = z.looseObject({ data: z.looseObject({ name: z.string() }) });

/** Records that clients edit: by a command, by a call, and the caller's own. */
const records = [
  { record: 'a product', editor: () => fixture.admin, path: () => `/products/${productId}` },
  { record: 'a shop', editor: () => fixture.admin, path: () => `/shops/${SHOP}` },
  { record: 'a profile', editor: () => shopper, path: () => '/users/profile' },
];

async function read(editor: Edge, path: string) {
  const { status, headers, text } = await editor.send('GET', path);
  expect(status).toBe(200);
  return { etag: headers.get('etag') ?? '', name: Data.parse(JSON.parse(text)).data.name };
}

const rename = (editor: Edge, path: string, name: string, headers: Record<string, string>) =>
  editor.send('PATCH', path, { body: { name }, headers });

describe.each(records)('$record', ({ editor, path }) => {
  test('that two editors change concurrently gets the change of one, and the other gets 412', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { etag } = await read(editor(), path());
      const names = [`Anna ${round}`, `Bert ${round}`];
      const answers = await Promise.all(
        names.map((name) => rename(editor(), path(), name, { 'if-match': etag })),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
      const winner = answers.findIndex(({ status }) => status === 200);
      const now = await read(editor(), path());
      expect(now.name).toBe(names[winner]);
      expect(now.etag).not.toBe(etag);
      for (const { headers } of answers) expect(headers.get('etag')).toBe(now.etag);
    }
  });

  test('that many clients change after reading it loses no change', async () => {
    await rename(editor(), path(), 'Total 0', {});
    const increment = async () => {
      for (;;) {
        const { etag, name } = await read(editor(), path());
        const next = `Total ${Number(name.slice(6)) + 1}`;
        const { status } = await rename(editor(), path(), next, { 'if-match': etag });
        if (status === 200) return;
        expect(status).toBe(412);
      }
    };
    const client = async () => {
      for (let turn = 0; turn < 5; turn++) await increment();
    };
    await Promise.all([client(), client(), client(), client()]);
    expect((await read(editor(), path())).name).toBe('Total 20');
  });

  test('is changed once under an Idempotency-Key, whose repetition gets the first response', async () => {
    const { etag } = await read(editor(), path());
    const headers = { 'if-match': etag, 'idempotency-key': randomUUID() };
    const name = `Clara ${headers['idempotency-key'].slice(0, 8)}`;
    const first = await rename(editor(), path(), name, headers);
    expect(first.status).toBe(200);
    const again = await rename(editor(), path(), name, headers);
    expect(again.status).toBe(200);
    expect(Data.parse(JSON.parse(again.text)).data).toEqual(
      Data.parse(JSON.parse(first.text)).data,
    );
    const late = await rename(editor(), path(), name, { 'if-match': etag });
    expect(late.status).toBe(412);
  });

  test('is not changed on a time before its last change, and is on a later one', async () => {
    const on = (time: number) =>
      rename(editor(), path(), `Dora ${time}`, {
        'if-unmodified-since': new Date(time).toUTCString(),
      });
    expect((await on(0)).status).toBe(412);
    expect((await on(Date.now() + 60_000)).status).toBe(200);
  });

  test('has an ETag for each coding of its response, and a change accepts either', async () => {
    const headers = { 'accept-encoding': 'gzip' };
    const packed = await editor().send('GET', path(), { headers });
    const etag = packed.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"/);
    expect((await rename(editor(), path(), 'Emil', { 'if-match': etag })).status).toBe(200);
  });
});
