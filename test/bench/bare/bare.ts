import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { inProject } from '../../../scripts/start/project.mjs';
import { ADDRESS, SHOP } from '../../e2e/fixtures';
import { startApps } from '../../harness/start-apps';
import type { RunningSystem } from '../../harness/running-system';
import { appsRunBy, onSources } from '../apps';
import { SystemVariant } from '../system-variant';
import {
  type Operations,
  differences,
  operationsBetween,
  operationsIn,
  operationsOf,
} from './operations';
import { record } from './record';
import { type Script, type Steps, idOf, keyFor, loadsOf, recordingFor } from './recording';

/** As many customers and products as the other variants have. */
const SLOTS = 20;

/** After a pause a system is unavailable for a moment, and then events are redelivered. */
const GIVEN_AGAIN = 0.02;

/**
 * Bare sidecars: the sidecars, components, messages and documents of an order in ours, between services
 * that do nothing else. The difference between ours and this is the cost of our own code; the rest is
 * the cost of sidecars for this number of operations. The operations are recorded at each start.
 */
export class Bare extends SystemVariant {
  #folder: string | undefined;
  #script: Script | undefined;
  #pool: Pool | undefined;
  #orders = 0;
  readonly #confirmed: number[] = [];
  #before: Operations = new Map();

  constructor() {
    super('bare');
  }

  get script(): Script {
    if (this.#script === undefined) throw new Error('bare is not started');
    return this.#script;
  }

  async start(): Promise<void> {
    this.#script = await record();
    this.#folder = mkdtempSync(join(tmpdir(), 'omnichannel-bare-'));
    const file = join(this.#folder, 'script.json');
    writeFileSync(file, JSON.stringify(this.#script));
    this.#orders = this.#confirmed.length = 0;
    const env = { BARE_SCRIPT: file, BARE_SLOTS: String(SLOTS) };
    const system = await startApps(echoes(), { env });
    this.system = system;
    this.#connect();
    await seed(system, this.#script);
    this.#before = await operationsOf(system);
  }

  async placeOrder(n: number): Promise<void> {
    if (this.#pool === undefined) throw new Error('bare is not started');
    const number = this.#orders++;
    const id = idOf(0, { number, slot: n % SLOTS });
    const { statusCode, body } = await this.#pool.request({
      method: 'POST',
      path: '/api/v1/orders',
      headers: { 'content-type': 'application/json', 'idempotency-key': id },
      body: ORDER,
    });
    const answer = await body.text();
    if (statusCode !== 201) throw new Error(`the order was answered ${statusCode}: ${answer}`);
    this.#confirmed.push(number);
  }

  protected async reconnect(): Promise<void> {
    const old = this.#pool;
    this.#connect();
    await old?.close();
  }

  /**
   * Throws if the sidecars did not do the recorded operations: any fewer, or more of them by more than this
   * share. An order that was not confirmed has an unknown number of operations.
   */
  async check(share = 0): Promise<void> {
    const seen = operationsBetween(this.#before, await operationsOf(this.system));
    const all = Array.from({ length: this.#orders }, (_, number) => number);
    const most = [...this.#expected(all)].map(
      ([name, count]) => [name, Math.ceil(count * (1 + share))] as const,
    );
    const faults = differences(seen, this.#expected(this.#confirmed), new Map(most));
    if (faults.length > 0) throw new Error(`bare is not as recorded:\n${faults.join('\n')}`);
  }

  #expected(numbers: readonly number[]): Operations {
    return operationsIn(
      numbers.map((number) => recordingFor(this.script, { number, slot: 0 }, SLOTS)),
    );
  }

  /** The result counts only if it did the same work as ours; otherwise this throws. */
  override async stop(): Promise<void> {
    try {
      if (this.isStarted && this.#orders > 0) await this.check(GIVEN_AGAIN);
    } finally {
      await this.#pool?.destroy();
      this.#pool = undefined;
      await super.stop();
      if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  #connect(): void {
    const { url } = this.system.app('gateway');
    this.#pool = new Pool(url, { connections: 512, keepAliveTimeout: 60_000 });
  }
}

const ORDER = JSON.stringify({
  shopId: SHOP,
  items: [{ productId: `product_${'0'.repeat(22)}`, quantity: 1 }],
  payment: { method: 'card', token: 'tok_ok' },
  deliveryAddress: ADDRESS,
});

const echoes = () =>
  appsRunBy((_, isEdge) =>
    onSources(inProject('test', 'bench', 'bare', isEdge ? 'edge.ts' : 'echo.ts')),
  );

/** Writes the documents that exist before an order: those of a customer and of a product. */
async function seed(system: RunningSystem, { recordings: [first] }: Script): Promise<void> {
  const handlings: (readonly [app: string, steps: Steps])[] = [
    ...(first?.calls ?? []).map(({ app, steps }) => [app, steps] as const),
    ...(first?.events ?? []).flatMap(({ heard }) => Object.entries(heard)),
  ];
  const documents = new Map<string, Map<string, string>>();
  for (const [app, steps] of handlings) {
    const ofApp = documents.get(app) ?? new Map<string, string>();
    documents.set(app, ofApp);
    for (const one of steps.flat().flatMap(loadsOf)) {
      if (one.scope === 'order' || one.was === undefined) continue;
      for (let slot = 0; slot < SLOTS; slot++) {
        ofApp.set(keyFor(one.key, one.scope, { number: 0, slot }), one.was);
      }
    }
  }
  for (const [app, ofApp] of documents) {
    const items = [...ofApp].map(
      ([key, value]) => `{"key":${JSON.stringify(key)},"value":${value}}`,
    );
    if (items.length === 0) continue;
    const response = await fetch(`${system.app(app).sidecarUrl}/v1.0/state/state`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `[${items.join()}]`,
    });
    if (!response.ok) throw new Error(`${app} could not be seeded: ${await response.text()}`);
  }
}
