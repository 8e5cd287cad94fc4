import { once } from 'node:events';
import { connect } from 'node:net';

/**
 * Sends bytes as they are to a port of this machine; returns what is received until the connection ends, or
 * is idle for `quietMs`. The text is latin1: `\xff` is one byte.
 */
export async function sendRaw(port: number, text: string, quietMs = 300): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  let received = '';
  socket.setEncoding('latin1').on('data', (piece: string) => (received += piece));
  socket.on('error', () => undefined);
  const ended = once(socket, 'close').catch(() => undefined);
  socket.setTimeout(quietMs, () => socket.destroy());
  socket.write(text, 'latin1');
  await ended;
  return received;
}

/** The statuses of the responses that were received, in order. */
export const statusesIn = (received: string): number[] =>
  [...received.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
