import { DEFAULT_TENANT } from '#kit/core/caller';
import { Memory } from '#kit/testing/memory';
import { delivery } from '../../services/delivery/service';
import { adjust, emptyStock } from '../../services/inventory/domain';
import { inventory } from '../../services/inventory/service';
import { notification } from '../../services/notification/service';
import { order } from '../../services/order/service';
import { PROVIDER } from '../../services/payment/provider';
import { payment } from '../../services/payment/service';
import type { LedgerEntry } from '../../services/payment/simulator/ledger';
import { SimulatedProvider } from '../../services/payment/simulator/provider';
import { newProduct } from '../../services/product/domain';
import { product } from '../../services/product/service';
import { Books, deadLettersIn } from './books';
import { Bus } from './bus';
import { Clients, SHOP } from './clients';
import { APPS, type App, Faults } from './faults';
import { violations } from './invariants/all';
import type { Violation } from './invariants/violation';
import { START } from './loop';
import { Network } from './network';
import type { Seams } from './mutants';
import { PRODUCTS, type Scenario } from './scenario';
import { type Program, SimulatedProcess } from './simulated-process';
import { Stage } from './stage';

const PRICES: Record<(typeof PRODUCTS)[number], string> = { ink: '1.00', pen: '2.50' };
const MINIMUM_STOCK = 1;
const REPLICAS = [0, 1];
/** Dead letters are replayed so often at the end; one that was replayed in vain stays. */
const REPLAYS = 2;

const PROGRAMS: Record<App, Program> = {
  order: { app: 'order', service: order },
  inventory: { app: 'inventory', service: inventory },
  payment: { app: 'payment', service: payment },
  delivery: {
    app: 'delivery',
    service: delivery,
    config: { DELIVERY_HOME: 'DE', DELIVERY_COUNTRIES: ['DE'] },
  },
  notification: {
    app: 'notification',
    service: notification,
    config: { OPERATIONS_EMAIL: 'operations@example.com' },
  },
  product: { app: 'product', service: product },
};

export interface Outcome {
  readonly violations: readonly Violation[];
  readonly counts: ReadonlyMap<string, number>;
  readonly injected: ReadonlyMap<string, number>;
  readonly trace: readonly string[];
}

/** Plays a scenario until nothing is left to happen, and looks at what came of it. */
export async function simulate(
  scenario: Scenario,
  { plant, traced = false }: { plant?: Seams | undefined; traced?: boolean } = {},
): Promise<Outcome> {
  const faults = new Faults(scenario.faults);
  const stage = new Stage(scenario, faults, plant, traced);
  const { loop, counts, trace = [] } = stage;
  const bus = new Bus(stage);
  const network = new Network(stage);
  const memories = furnished(scenario.pieces);
  network.fixed.set('user', () => ({
    ...{ userId: 'ann', email: 'ann@example.com', name: 'Ann', phone: '+4915100000000' },
  }));
  const ledger = new Map<string, LedgerEntry>();
  const provider = new SimulatedProvider(ledger);
  const endpoints = { [PROVIDER]: provider.answer.bind(provider) };
  const around = { stage, bus, network, endpoints };
  for (const app of APPS) {
    const program = PROGRAMS[app];
    const processes = REPLICAS.map(
      (replica) => new SimulatedProcess(program, replica, memories[app], around),
    );
    network.processes.set(app, processes);
    bus.subscribe(app, processes, program.service.topics);
  }
  const clients = new Clients(stage, network);
  clients.plan(scenario.actions);
  for (const fault of scenario.faults) {
    if (fault.kind !== 'outage') continue;
    loop.after(START + fault.at - loop.now, () => {
      faults.count('outage');
      for (const app of fault.app === 'all' ? APPS : [fault.app]) {
        for (const process of network.processes.get(app) ?? []) process.kill(fault.ms);
      }
    });
  }

  const done = (found: Violation[]): Outcome => ({
    ...{ violations: found, counts, injected: faults.injected, trace },
  });
  const stuck: Violation = {
    invariant: 'quiescence',
    orderId: '',
    text: 'it does not come to an end',
  };
  if (!(await loop.run())) return done([stuck]);
  faults.heal();
  const letters = deadLettersIn(memories);
  for (const { reason } of letters) stage.count(`dead letter: ${reason}`);
  for (let time = 0; time < REPLAYS; time++) {
    for (const app of new Set(deadLettersIn(memories).map((letter) => letter.app))) {
      clients.replay(app);
    }
    if (!(await loop.run())) return done([stuck]);
  }
  clients.probe();
  if (!(await loop.run())) return done([stuck]);
  const books = new Books(memories, ledger);
  return done(violations({ books, letters, clients, stage }));
}

/** The documents that are there at the start. */
function furnished(pieces: readonly number[]): Record<App, Memory> {
  const memories = {
    ...{ order: new Memory(), inventory: new Memory(), payment: new Memory() },
    ...{ delivery: new Memory(), notification: new Memory(), product: new Memory() },
  };
  const write = (app: App, store: string, key: string, data: unknown) => {
    const document = { data, sequence: 1, correlationId: '', marks: [] };
    memories[app].write(`${store}:${DEFAULT_TENANT}:${key}`, document);
  };
  const at = new Date(START).toISOString();
  for (const [index, productId] of PRODUCTS.entries()) {
    const price = { amount: PRICES[productId], currency: 'EUR' };
    const fields = { name: productId, description: '', category: 'office', price };
    write('product', 'products', productId, newProduct(productId, fields, at));
    const change = pieces[index] ?? 0;
    const opening = { adjustmentId: 'opening', change, minimumStock: MINIMUM_STOCK };
    const { document } = adjust(emptyStock({ shopId: SHOP, productId }), opening);
    write('inventory', 'stocks', `${SHOP}:${productId}`, document);
    write('product', 'stocks', productId, { shops: { [SHOP]: { left: change, sequence: 1 } } });
  }
  return memories;
}
