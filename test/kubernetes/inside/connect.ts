import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

// Run in the network of a pod: tries to connect to each address on the standard input, and prints what happened.

const Addresses = z.array(z.object({ host: z.string(), port: z.int() }));
const PATIENCE_MS = 2_000;
const CONCURRENCY = 64;

/** `open`, or how the connection failed. */
async function outcomeOf({ host, port }: { host: string; port: number }): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ host, port });
  socket.setTimeout(PATIENCE_MS, () => {
    resolve('silent');
  });
  socket.once('connect', () => {
    resolve('open');
  });
  socket.once('error', (error: NodeJS.ErrnoException) => {
    resolve(error.code ?? 'failed');
  });
  const outcome = await promise;
  socket.destroy();
  return outcome;
}

async function main(): Promise<void> {
  const addresses = Addresses.parse(JSON.parse(await text(process.stdin)));
  const outcomes: string[] = [];
  for (let from = 0; from < addresses.length; from += CONCURRENCY) {
    const some = addresses.slice(from, from + CONCURRENCY);
    outcomes.push(...(await Promise.all(some.map(outcomeOf))));
  }
  console.log(JSON.stringify(outcomes));
}

void main();
