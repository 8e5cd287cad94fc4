import { MAX_EVENT_BYTES } from '#kit/adapters/dapr/sidecar';
import { Code, MicroserviceError } from '#kit/core/errors';
import type { Behaviour } from './behaviour';
import { hashOf } from './services';
import type { BrokerFixture } from './broker-fixture';

const KB = 1024;
const TEXTS: Readonly<Record<string, string>> = {
  '1 byte': 'x',
  '64 KB': 'x'.repeat(64 * KB),
  '1 MB': 'x'.repeat(KB * KB),
  '3 MB': 'x'.repeat(3 * KB * KB),
  unicode: 'größer 漢字 🎉 \u0000 "\\\n\u2028',
};

export const contents: Behaviour<BrokerFixture> = {
  name: 'events of up to 3 MB arrive unchanged, and an event over the limit is rejected',
  holds: {
    '1 byte': 'unchanged',
    '64 KB': 'unchanged',
    '1 MB': 'unchanged',
    '3 MB': 'unchanged',
    unicode: 'unchanged',
    extensions: 'unchanged',
    trace: 'propagated',
    'over the limit': 'rejected, naming the limit',
  },
  observe: async (broker) => {
    const facts: Record<string, string> = {};
    for (const [name, text] of Object.entries(TEXTS)) {
      const event = broker.event(`contents ${name}`, { text });
      await broker.publish(event);
      await broker.waitForDone('worker', event.subject);
      const [come] = broker.begun(event.id);
      facts[name] = come?.hash === hashOf(text) ? 'unchanged' : 'changed';
      facts['trace'] = come?.trace?.includes(event.traceid ?? '?') === true ? 'propagated' : 'lost';
    }
    return {
      facts: {
        ...facts,
        extensions: await extensions(broker),
        'over the limit': await over(broker),
      },
      figures: {},
    };
  },
};

/** A dead letter keeps an event as it came. */
async function extensions(broker: BrokerFixture): Promise<string> {
  const event = broker.event('extensions', {}, { data: 'nothing that it could read' });
  await broker.publish(event);
  const { event: come } = await broker.deadLetter(event.id);
  // a sidecar may turn a number into text: the envelope's reader turns it back
  const changed = Object.entries(event).filter(
    ([name, value]) => String(come[name]) !== String(value),
  );
  return changed.length === 0
    ? 'unchanged'
    : `changed: ${changed.map(([name]) => name).join(', ')}`;
}

async function over(broker: BrokerFixture): Promise<string> {
  try {
    await broker.publish(broker.event('over', { text: 'x'.repeat(4 * KB * KB) }));
    return 'published';
  } catch (error) {
    if (!(error instanceof MicroserviceError)) throw error;
    const named = error.message.includes(String(MAX_EVENT_BYTES));
    if (named && error.code === Code.INVALID_ARGUMENT) return 'rejected, naming the limit';
    return `${Code[error.code]}: ${error.message}`;
  }
}
