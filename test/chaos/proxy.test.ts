import { once } from 'node:events';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { until } from '../harness/until';
import { Proxy } from './proxy';

let server: Server;
let proxy: Proxy;
let received: string;

beforeEach(async () => {
  received = '';
  server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      received += bytes.toString();
      socket.write(`echo ${bytes.toString()}`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  proxy = await Proxy.open(address.port, 0);
});

afterEach(async () => {
  await proxy.close();
  server.close();
});

function dial() {
  const socket = connect(proxy.port, '127.0.0.1');
  const got = { text: '', ended: '' };
  socket.on('data', (bytes) => (got.text += bytes.toString()));
  socket.on('error', (error: Error & { code?: string }) => (got.ended = error.code ?? 'error'));
  socket.on('close', () => (got.ended ||= 'closed'));
  return { socket, got };
}

async function answered({ socket, got }: { socket: Socket; got: { text: string } }) {
  got.text = '';
  socket.write('hello');
  await until('the answer', () => got.text === 'echo hello');
}

test('forwards both directions', async () => {
  const line = dial();
  await answered(line);
  await answered(line);
  line.socket.end();
  await until('the end', () => line.got.ended === 'closed');
});

test('refuse: resets open connections and refuses new ones', async () => {
  const before = dial();
  await answered(before);
  proxy.fail('refuse');
  await until('the reset', () => before.got.ended !== '');
  const { got } = dial();
  await until('the refusal', () => got.ended !== '');
  expect(got.text).toBe('');
  proxy.pass();
  await answered(dial());
});

test('hang: forwards nothing until the fault ends, and then everything', async () => {
  const line = dial();
  await answered(line);
  proxy.fail('hang');
  line.socket.write('are you there?');
  const other = dial();
  other.socket.write('and you?');
  await once(other.socket, 'connect');
  expect(received).toBe('hello');
  proxy.pass();
  await until('both', () => received.includes('are you there?') && received.includes('and you?'));
  await until('the answers', () => line.got.text.includes('there?') && other.got.text !== '');
});

test('reset: the request does not arrive', async () => {
  proxy.fail('reset');
  const { socket, got } = dial();
  socket.write('hello');
  await until('the reset', () => got.ended === 'ECONNRESET');
  expect(received).toBe('');
});

test('delay: forwards everything late', async () => {
  proxy.fail('delay', 60);
  const began = performance.now();
  await answered(dial());
  // the request and the answer
  expect(performance.now() - began).toBeGreaterThanOrEqual(115);
});

test('drop: the request arrives, and the connection is reset before the answer', async () => {
  proxy.fail('drop');
  const { socket, got } = dial();
  socket.write('hello');
  await until('the reset', () => got.ended === 'ECONNRESET');
  expect(received).toBe('hello');
  expect(got.text).toBe('');
  proxy.pass();
  await answered(dial());
});

test('without a server the connection is closed', async () => {
  server.close();
  const { got } = dial();
  await until('the end', () => got.ended !== '');
});
