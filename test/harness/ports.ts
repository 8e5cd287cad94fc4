import { type Server, createServer } from 'node:net';

// Below what Linux and macOS give to outgoing connections, so that none of these is taken between
// now and the moment at which its process listens.
const FIRST = 20_000;
const COUNT = 12_000;

/** Ports that nobody listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const held: { port: number; server: Server }[] = [];
  // two runs on one machine begin at different places
  let port = FIRST + Math.floor(Math.random() * COUNT);
  for (let tried = 0; held.length < count; tried++) {
    if (tried === COUNT) throw new Error(`there are no ${count} free ports from ${FIRST} on`);
    port = port + 1 < FIRST + COUNT ? port + 1 : FIRST;
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
