import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../tools/seeded-random';
import { type Message, Outbox } from './outbox';

const message = (payload: string): Message => ({ topic: 't', payload });
const settled = () => new Promise((resolve) => setImmediate(resolve));

function outbox(disturbances = { duplicated: 0, overtaken: 0 }) {
  const box = new Outbox(new SeededRandom(1, 'outbox'), disturbances);
  const broker: string[] = [];
  const send = ({ payload }: Message) => {
    broker.push(String(payload));
    return Promise.resolve();
  };
  return { box, broker, send };
}

describe('an outbox', () => {
  it('stores messages while it is offline, and sends them in order', async () => {
    const { box, broker, send } = outbox();
    for (const payload of ['a', 'b', 'c']) box.put(message(payload));
    expect(box.size).toBe(3);
    box.open(send);
    await settled();
    expect(broker).toEqual(['a', 'b', 'c']);
    expect(box).toMatchObject({ size: 0, acknowledged: 3 });
  });

  it('sends the messages again, in order, that were in flight when the connection was lost', async () => {
    const { box, broker, send } = outbox();
    box.open(() => new Promise(() => {}));
    for (const payload of ['a', 'b']) box.put(message(payload));
    box.close();
    box.put(message('c'));
    box.open(send);
    await settled();
    expect(broker).toEqual(['a', 'b', 'c']);
  });

  it('sends a message again that could not be sent', async () => {
    const { box, broker, send } = outbox();
    let failures = 2;
    box.open((sent) => (failures-- > 0 ? Promise.reject(new Error('lost')) : send(sent)));
    box.put(message('a'));
    await settled();
    expect(broker).toEqual(['a']);
  });

  it('duplicates a message, or lets the next one overtake it, as configured', async () => {
    const duplicated = outbox({ duplicated: 1, overtaken: 0 });
    duplicated.box.open(duplicated.send);
    duplicated.box.put(message('a'));
    await settled();
    expect(duplicated.broker).toEqual(['a', 'a']);
    const overtaken = outbox({ duplicated: 0, overtaken: 1 });
    for (const payload of ['a', 'b']) overtaken.box.put(message(payload));
    overtaken.box.open(overtaken.send);
    await settled();
    expect(overtaken.broker).toEqual(['b', 'a']);
  });

  it('does not disturb a steady message, and calls back when the broker has it', async () => {
    const { box, broker, send } = outbox({ duplicated: 1, overtaken: 1 });
    let delivered = 0;
    for (const payload of ['a', 'b']) {
      box.put(message(payload), { steady: true, delivered: () => delivered++ });
    }
    box.open(send);
    await settled();
    expect(broker).toEqual(['a', 'b']);
    expect(delivered).toBe(2);
  });
});
