import { Code, MicroserviceError } from '#kit/core/errors';
import { type Behaviour, inMs } from './behaviour';
import { TaskRequest } from './services';
import type { BrokerFixture } from './broker-fixture';

const ROUNDS = 20;
const AT_ONCE = 40;
/** Shorter than the pause before a redelivery: 2 s. */
const SOON_MS = 1_500;

export const requests: Behaviour<BrokerFixture> = {
  name: 'a request over the bus gets its own response on any replica, or fails by its deadline',
  holds: {
    [`own responses to ${AT_ONCE} concurrent requests`]: AT_ONCE,
    'from another replica': 'responded',
    refused: 'FAILED_PRECONDITION: closed',
    'failing at first': 'responded',
    'without a response': 'DEADLINE_EXCEEDED: timeout',
    'handled after its deadline': 0,
  },
  observe: async (broker) => {
    const ask = (key: string, doing: object = {}, within = 30_000, replica = false) =>
      answerOf(
        key,
        broker
          .begin({ deadline: Date.now() + within }, replica)
          .request(TaskRequest, { key, ...doing }),
      );
    const rounds: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const begun = performance.now();
      await ask(`asked-${round}`);
      rounds.push(performance.now() - begun);
    }
    const begun = performance.now();
    const many = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, n) => ask(`asked-at-once-${n}`, { n })),
    );
    const took = performance.now() - begun;
    const [replica, refused, failed, silent] = await Promise.all([
      ask('asked-by-replica', {}, 30_000, true),
      ask('asked-refused', { whileClosed: 'refuse' }),
      ask('asked-failing', { fails: 1 }),
      ask('asked-silent', { fails: 1_000 }, SOON_MS),
    ]);
    return {
      facts: {
        [`own responses to ${AT_ONCE} concurrent requests`]: many.filter((it) => it === 'responded')
          .length,
        'from another replica': replica,
        refused,
        'failing at first': failed,
        'without a response': silent,
        'handled after its deadline': await late(broker),
      },
      figures: {
        'response to one request after (median)': inMs(
          rounds.toSorted((a, b) => a - b)[ROUNDS / 2] ?? 0,
        ),
        [`responses to ${AT_ONCE} concurrent requests after`]: inMs(took),
      },
    };
  },
};

/** Whether the answer belongs to this request. */
async function answerOf(key: string, asked: Promise<{ key: string }>): Promise<string> {
  try {
    return (await asked).key === key ? 'responded' : 'the response to another request';
  } catch (error) {
    if (!(error instanceof MicroserviceError)) throw error;
    return `${Code[error.code]}: ${error.details.reason}`;
  }
}

/** How many times an expired request was handled. */
async function late(broker: BrokerFixture): Promise<number> {
  const asked = (key: string, milliseconds: number) =>
    broker.event(
      key,
      {},
      { type: TaskRequest.type, expirytime: new Date(Date.now() + milliseconds).toISOString() },
    );
  const [over, before] = [asked('asked-late', -1), asked('asked-in-time', 60_000)];
  // with one key, so that a broker that keeps the order of a key handles them one after the other
  await broker.publish({ ...over, subject: before.subject });
  await broker.publish(before);
  await broker.waitForDone('worker', 'asked-in-time');
  return broker.begun(over.id).length;
}
