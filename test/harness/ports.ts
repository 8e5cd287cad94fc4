import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Below the ephemeral ports of Linux and macOS, so that no outgoing connection takes one of these before
// its process listens.
const FIRST = 20_000;
const BLOCKS = 12;
/** More than a run uses at a time: a system needs about 60. */
const BLOCK = 1_000;

/** Holds the owner of each block. */
const CLAIMS = join(tmpdir(), 'omnichannel-ports');

/** The first port of this process, and the last one returned. */
let own: { first: number; last: number } | undefined;

/**
 * Ports without a listener that were not returned before. Each process has a block of its own: a killed
 * service leaves its port free for a while, and another test run would take it.
 */
export async function freePorts(count: number): Promise<number[]> {
  own ??= { first: claimBlock(), last: Math.floor(Math.random() * BLOCK) };
  const held: { port: number; server: Server }[] = [];
  for (let tried = 0; held.length < count; tried++) {
    if (tried === BLOCK) throw new Error(`there are no ${count} free ports from ${own.first} on`);
    own.last = (own.last + 1) % BLOCK;
    const port = own.first + own.last;
    const server = await hold(port);
    if (server !== undefined) held.push({ port, server });
  }
  await Promise.all(held.map(({ server }) => new Promise((closed) => server.close(closed))));
  return held.map((each) => each.port);
}

/** The first port of a block that no other living process has claimed. */
function claimBlock(): number {
  mkdirSync(CLAIMS, { recursive: true });
  for (let block = 0; block < BLOCKS; block++) {
    const claim = join(CLAIMS, String(block));
    const owner = ownerOf(claim);
    if (owner !== undefined && owner !== process.pid && isAlive(owner)) continue;
    if (owner !== process.pid) {
      rmSync(claim, { force: true });
      if (!write(claim)) continue;
    }
    return FIRST + block * BLOCK;
  }
  throw new Error(`all ${BLOCKS} blocks of ports are in use: see ${CLAIMS}`);
}

/** False if another process was faster. */
function write(claim: string): boolean {
  try {
    writeFileSync(claim, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

function ownerOf(claim: string): number | undefined {
  try {
    return Number(readFileSync(claim, 'utf8'));
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
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
