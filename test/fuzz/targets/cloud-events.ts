import fc, { type Arbitrary } from 'fast-check';
import { StockUpdated } from '#contracts/inventory';
import { UpdateProduct } from '#contracts/product';
import { CloudEvent } from '#kit/messages/cloud-event';
import { testbed } from '#kit/testing/testbed';
import { product } from '../../../services/product/service';
import { anyJson, anyName, anyText, pathsIn, replacedAt } from '../json-values';
import { type Target, target } from '../target';

// Events as a broker delivers them, to a service with a store in memory. Nothing is down, so that each event
// is acknowledged: handled, or kept as a dead letter. Its oracle is the schema of the envelope.

const data = {
  productId: 'p1',
  shopId: 's1',
  newStock: 3,
  previousStock: 2,
  change: 1,
  reason: 'sold',
};
const valid = {
  specversion: '1.0',
  id: 'event-1',
  type: StockUpdated.type,
  source: 'inventory',
  subject: 's1:p1',
  time: '2026-01-01T00:00:00Z',
  eventversion: 1,
  correlationid: 'c1',
  sequence: 1,
  tenantid: 'default',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  data,
};
const command = {
  ...valid,
  type: UpdateProduct.type,
  source: 'product',
  data: { productId: 'p1', name: 'B' },
};

interface Input {
  readonly base: object;
  readonly changes: readonly { readonly at: number; readonly by: unknown }[];
  readonly more: readonly (readonly [string, unknown])[];
  readonly topic: string | undefined;
}

const input: Arbitrary<Input> = fc.record({
  base: fc.constantFrom(valid, command),
  changes: fc.array(fc.record({ at: fc.nat(), by: fc.oneof(anyJson, anyText) }), { maxLength: 3 }),
  more: fc.array(fc.tuple(anyName, anyJson), { maxLength: 2 }),
  topic: fc.option(anyText, { nil: undefined, freq: 6 }),
});

const MAX_ATTEMPTS = 8;

async function check({ base, changes, more, topic }: Input): Promise<void> {
  const changed = changes.reduce<unknown>((value, { at, by }) => {
    // not the whole event: a sidecar delivers an object
    const paths = pathsIn(value).filter(({ length }) => length > 0);
    return replacedAt(value, paths[at % Math.max(1, paths.length)] ?? ['none'], by);
  }, base);
  const raw = Object.fromEntries([...Object.entries(changed as object), ...more]);
  const bed = testbed(product);
  await bed.context().products.update('p1', () => ({
    productId: 'p1',
    name: 'A',
    description: '',
    category: 'tea',
    price: { amount: '1.00', currency: 'EUR' },
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
  }));
  const events = bed.memory.events.length;
  const onTopic = topic ?? (base as { type: string }).type;
  let status = 'RETRY';
  for (let attempt = 0; attempt < MAX_ATTEMPTS && status === 'RETRY'; attempt++) {
    status = await bed.deliver(raw, onTopic);
    bed.clock.advance(60_000);
  }
  if (status !== 'SUCCESS') throw new Error('an event is retried for ever');
  const isReadable = CloudEvent.safeParse(raw).success;
  const handled = bed.memory.events.length > events;
  if (!isReadable && handled) throw new Error('an unreadable event had an effect');
  if (raw['type'] !== onTopic && handled)
    throw new Error('an event of another topic had an effect');
  for (const key of bed.memory.documents.keys()) {
    // the sidecar separates the name of the app by ||
    if (key.includes('||') || !key.isWellFormed() || /\p{Cc}/u.test(key) || key.length > 300) {
      throw new Error(`stored under ${JSON.stringify(key.slice(0, 120))}`);
    }
  }
}

export const cloudEvents = async (): Promise<Target> =>
  target({
    name: 'cloud-events',
    about: 'events as a broker delivers them, to a real service',
    input,
    check,
    cost: 10,
  });
