import { expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { ATTACKS, startAttack } from './attacks';
import { type HostileResult, hostile } from './hostile';

const run = (attack: string, during: readonly number[]): HostileResult['runs'][number] => ({
  ...{ attack, before: [10, 10, 10], during: [...during], answers: { 200: 10, 429: 20 } },
  mebibytes: 3.21,
});
const result: HostileResult = {
  perSecond: 200,
  runs: [run('idle connections', [10, 11, 12]), run('metrics', [11, 12, 30])],
};

test('the chapter shows the ratio of each attack, and what the hostile client was answered', () => {
  const page = hostile.report(result).join('\n');
  expect(page).toMatch(
    /\| metrics +\| 10.0 +\| 12.0 +\| 1.20 \(1.10 to 3.00\) \| 3.21 \| 10 × 200, 20 × 429 \|/,
  );
});

test('the target is that of the worst attack', () => {
  expect(hostile.aims(result)).toMatchObject([{ measured: '1.20 (1.10 to 3.00)', met: true }]);
  const worse = { ...result, runs: [...result.runs, run('other', [13, 13, 13])] };
  expect(hostile.aims(worse)).toMatchObject([{ measured: '1.30 (1.30 to 1.30)', met: false }]);
});

test.each(Object.keys(ATTACKS))(
  'the attack by %s sends something until it is stopped',
  async (name) => {
    const open = new Set<Socket>();
    const received = Promise.withResolvers<undefined>();
    const server = createServer((socket) => {
      open.add(socket);
      socket.on('error', () => undefined).once('close', () => open.delete(socket));
      if (name === 'idle connections') received.resolve(undefined);
      socket.once('data', () => {
        received.resolve(undefined);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    // the address of a server that listens on a port is an object
    const { port } = server.address() as AddressInfo;
    const stop = startAttack(name, { port, tokens: ['a.b.c'] });
    await received.promise;
    stop();
    while (open.size > 0) await new Promise(setImmediate);
    server.close();
  },
);
