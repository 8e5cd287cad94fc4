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
import { ShopPolicies } from '../../services/shop/domain';
import { shop } from '../../services/shop/service';
import { product } from '../../services/product/service';
import type { Books } from '../invariants/books';
import { type InvariantName, MEANING, check } from '../invariants/check';
import { deadLettersIn, readBooks } from './books';
import { Bus } from './bus';
import { Clients, SHOP } from './clients';
import { APPS, type App, Faults } from './faults';
import { START } from './loop';
import { Network } from './network';
import type { Hooks } from './mutants';
import { overtakings } from './order-of-events';
import { CHANNELS, OUTAGE, PRODUCTS, type Scenario } from './scenario';
import { type Program, SimulatedProcess } from './simulated-process';
import { Simulation } from './simulation';

const PRICES: Record<(typeof PRODUCTS)[number], string> = { ink: '1.00', pen: '2.50' };
const MINIMUM_STOCK = 1;
const eur = (amount: string) => ({ amount, currency: 'EUR' });
const REPLICAS = [0, 1];
/** Within this time of the end of an outage its events are handled. */
const RETURN_MS = 30_000;
/** How many times the dead letters are replayed at the end. */
const REPLAYS = 2;

const PROGRAMS: Record<App, Program> = {
  order: { app: 'order', service: order },
  inventory: { app: 'inventory', service: inventory },
  payment: { app: 'payment', service: payment },
  delivery: {
    app: 'delivery',
    service: delivery,
    // a change of the served countries has reached one of the processes
    config: (replica) => ({
      DELIVERY_HOME: 'DE',
      DELIVERY_COUNTRIES: replica === 0 ? ['DE', 'FR'] : ['DE'],
      DELIVERY_PRICES: new Map([['EUR', { home: eur('1.50'), abroad: eur('4.00') }]]),
    }),
  },
  notification: {
    app: 'notification',
    service: notification,
    config: () => ({ OPERATIONS_EMAIL: 'operations@example.com' }),
  },
  product: { app: 'product', service: product },
  shop: { app: 'shop', service: shop, config: () => ({ DEVICE_KEY_FILE: 'k'.repeat(43) }) },
};

/** What must hold of a simulation itself, beside the shared invariants. */
const OWN_MEANING = {
  itComesToRest: 'at some time nothing is left to happen',
  noUnexpectedErrors: 'no handler fails with an error that it does not expect',
  outagesLeaveNoDeadLetter: 'no event becomes a dead letter because something is unavailable',
  outagesEndSoon: 'what an outage has held up is done within 30 seconds of its end',
  orderIsKept: 'no event is handled before one of its subject that was parked before it arrived',
} as const;

/** Each invariant of a simulated schedule as a sentence. */
export const MEANINGS = { ...MEANING, ...OWN_MEANING };
export type SimulationInvariant = InvariantName | keyof typeof OWN_MEANING;

export interface Violation {
  readonly invariant: SimulationInvariant;
  readonly about: string;
  readonly message: string;
}

export interface Outcome {
  readonly violations: readonly Violation[];
  readonly counts: ReadonlyMap<string, number>;
  readonly injected: ReadonlyMap<string, number>;
  readonly trace: readonly string[];
}

/** Runs a scenario until nothing is left to happen, and checks the invariants. */
export async function simulate(
  scenario: Scenario,
  { mutant, traced = false }: { mutant?: Hooks | undefined; traced?: boolean } = {},
): Promise<Outcome> {
  const faults = new Faults(scenario.faults);
  const simulation = new Simulation(scenario, faults, mutant, traced);
  const { loop, counts, trace = [] } = simulation;
  const bus = new Bus(simulation);
  const network = new Network(simulation);
  const memories = openingDocuments(scenario);
  network.fixed.set('user', () => ({
    userId: 'ann',
    email: 'ann@example.com',
    name: 'Ann',
    phone: '+4915100000000',
  }));
  const ledger = new Map<string, LedgerEntry>();
  const provider = new SimulatedProvider(ledger);
  const endpoints = { [PROVIDER]: provider.answer.bind(provider) };
  const surroundings = { simulation, bus, network, endpoints };
  for (const app of APPS) {
    const program = PROGRAMS[app];
    const processes = REPLICAS.map(
      (replica) => new SimulatedProcess(program, replica, memories[app], surroundings),
    );
    network.processes.set(app, processes);
    bus.subscribe(app, processes, program.service.topics);
  }
  const late: string[] = [];
  const clients = new Clients(simulation, network);
  clients.plan(scenario.actions);
  for (const fault of scenario.faults) {
    if (fault.kind !== 'outage') continue;
    loop.after(START + fault.at - loop.now, () => {
      faults.count('outage');
      for (const app of fault.app === 'all' ? APPS : [fault.app]) {
        for (const process of network.processes.get(app) ?? []) process.kill(fault.ms);
      }
    });
    if (fault.ms < OUTAGE.ms) continue;
    const parkedBefore = new Set<string>();
    loop.after(START + fault.at + fault.ms - loop.now, () => {
      for (const id of parkedIn(memories)) parkedBefore.add(id);
      simulation.count('events parked at the end of an outage', parkedBefore.size);
    });
    loop.after(START + fault.at + fault.ms + RETURN_MS - loop.now, () => {
      for (const id of parkedIn(memories)) if (parkedBefore.has(id)) late.push(id);
    });
  }

  const outcome = (violations: Violation[]): Outcome => ({
    violations,
    counts,
    injected: faults.injected,
    trace,
  });
  const restless: Violation = {
    invariant: 'itComesToRest',
    about: '',
    message: 'something still happens at the end of its time',
  };
  if (!(await loop.run())) return outcome([restless]);
  faults.heal();
  const deadLettersBefore = deadLettersIn(memories);
  for (const { reason } of deadLettersBefore) simulation.count(`dead letter: ${reason}`);
  for (let time = 0; time < REPLAYS; time++) {
    const failed = new Set(deadLettersIn(memories).map(({ service }) => service));
    for (const app of APPS) if (failed.has(app)) clients.replay(app);
    if (!(await loop.run())) return outcome([restless]);
  }
  clients.probe();
  if (!(await loop.run())) return outcome([restless]);
  const { requests } = clients;
  const books = readBooks({ scenario, memories, ledger, requests, deadLettersBefore });
  countOrders(books, simulation);
  return outcome([
    ...violationsOf(books),
    ...deadLettersBefore.map(({ service, id, reason, message }) => ({
      invariant: 'outagesLeaveNoDeadLetter' as const,
      about: `${service} ${id}`,
      message: `it is a dead letter: ${reason}, ${message}`,
    })),
    ...late.map((id) => ({
      invariant: 'outagesEndSoon' as const,
      about: id,
      message: 'it is still parked',
    })),
    ...overtakings(simulation.happenings),
    ...unexpectedErrors(simulation),
  ]);
}

/** The ids of the parked events of all services. */
function parkedIn(memories: Readonly<Record<App, Memory>>): string[] {
  return Object.values(memories).flatMap(({ documents }) =>
    [...documents.keys()].filter((key) => key.startsWith('parked-event:')),
  );
}

function violationsOf(books: Books): Violation[] {
  // check() names invariants only
  return check(books).map((found) => ({ ...found, invariant: found.invariant as InvariantName }));
}

function unexpectedErrors({ unexpected }: Simulation): Violation[] {
  return unexpected.map((message) => ({ invariant: 'noUnexpectedErrors', about: '', message }));
}

/** For the statistics of a search. */
function countOrders({ orders }: Books, simulation: Simulation): void {
  for (const { status, reason = 'none', expires } of orders) {
    if (expires) simulation.count('orders abandoned');
    else simulation.count(status === 'confirmed' ? 'confirmed' : `cancelled: ${reason}`);
  }
  simulation.count('orders', orders.length);
}

/** The documents at the start: the shop, the products, and an opening stock of each. */
function openingDocuments({ pieces, deliveryPaidBy }: Scenario): Record<App, Memory> {
  const memories = {
    order: new Memory(),
    inventory: new Memory(),
    payment: new Memory(),
    delivery: new Memory(),
    notification: new Memory(),
    product: new Memory(),
    shop: new Memory(),
  };
  const write = (app: App, store: string, key: string, data: unknown) => {
    const document = { data, sequence: 1, correlationId: '', marks: [] };
    memories[app].write(`${store}:${DEFAULT_TENANT}:${key}`, document);
  };
  const at = new Date(START).toISOString();
  const policies = ShopPolicies.parse({ deliveryPaidBy, pickupHoldHours: 1 });
  write('shop', 'shops', SHOP, {
    ...{ shopId: SHOP, name: 'Shop', channels: CHANNELS, timeZone: 'Europe/Berlin' },
    ...{ openingHours: [], sellerIds: [], policies, createdAt: at, updatedAt: at },
  });
  for (const [index, productId] of PRODUCTS.entries()) {
    const price = eur(PRICES[productId]);
    write('shop', 'catalogue', productId, { productId, name: productId, price, sequence: 1 });
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
