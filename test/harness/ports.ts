import { type Server, createServer } from 'node:net';

// Below what Linux and macOS give to outgoing connections, so that none of these is taken between
// now and the moment at which its process listens.
const FIRST = 20_000;
const COUNT = 12_000;

// Two runs on one machine begin at different places. Within a run it only goes on: a port that was
// given may not be listened on yet.
let last = FIRST + Math.floor(Math.random() * COUNT);

/** Ports that nobody listens on, and that were not given before. */
export async function freePorts(count: number): Promise<number[]> {
  const held: { port: number; server: Server }[] = [];
  for (let tried = 0; held.length < count; tried++) {
    if (tried === COUNT) throw new Error(`there are no ${count} free ports from ${FIRST} on`);
    const port = last + 1 < FIRST + COUNT ? last + 1 : FIRST;
    last = port;
    const server = await hold(port);
    if (server !== undefined) held.push({ port, server });
  }
  await Promise.all(held.map(({ server }) => new Promise((closed) => server.close(closed))));
  return held.map((each) => each.port);
}

function hold(port: number): Promise<Server | undefined> {
  return new Promise((settled) => {
    const server = createServer();
    server.once('error', () => {
      settled(undefined);
    });
    server.listen(port, '127.0.0.1', () => {
      settled(server);
    });
  });
}
