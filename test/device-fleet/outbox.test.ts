import { describe, expect, it } from '@jest/globals';
import { Chance } from '../chaos/chance';
import { type Message, Outbox } from './outbox';

const message = (payload: string): Message => ({ topic: 't', payload });
const settled = () => new Promise((resolve) => setImmediate(resolve));

function outbox(quirks = { twice: 0, passed: 0 }) {
  const box = new Outbox(new Chance(1, 'outbox'), quirks);
  const broker: string[] = [];
  const send = ({ payload }: Message) => {
    broker.push(payload);
    return Promise.resolve();
  };
  return { box, broker, send };
}

describe('an outbox', () => {
  it('keeps what is said while there is no way, and sends it in its order', async () => {
    const { box, broker, send } = outbox();
    for (const payload of ['a', 'b', 'c']) box.put(message(payload));
    expect(box.size).toBe(3);
    box.open(send);
    await settled();
    expect(broker).toEqual(['a', 'b', 'c']);
    expect(box).toMatchObject({ size: 0, acknowledged: 3 });
  });

  it('sends anew, in its order, what was under way when the way was lost', async () => {
    const { box, broker, send } = outbox();
    box.open(() => new Promise(() => {}));
    for (const payload of ['a', 'b']) box.put(message(payload));
    box.close();
    box.put(message('c'));
    box.open(send);
    await settled();
    expect(broker).toEqual(['a', 'b', 'c']);
  });

  it('sends again what could not be sent', async () => {
    const { box, broker, send } = outbox();
    let failures = 2;
    box.open((sent) => (failures-- > 0 ? Promise.reject(new Error('lost')) : send(sent)));
    box.put(message('a'));
    await settled();
    expect(broker).toEqual(['a']);
  });

  it('has a message twice, or behind the next one, where it is told to', async () => {
    const twice = outbox({ twice: 1, passed: 0 });
    twice.box.open(twice.send);
    twice.box.put(message('a'));
    await settled();
    expect(twice.broker).toEqual(['a', 'a']);
    const passed = outbox({ twice: 0, passed: 1 });
    for (const payload of ['a', 'b']) passed.box.put(message(payload));
    passed.box.open(passed.send);
    await settled();
    expect(passed.broker).toEqual(['b', 'a']);
  });

  it('leaves what is steady alone, and tells when the broker has it', async () => {
    const { box, broker, send } = outbox({ twice: 1, passed: 1 });
    let had = 0;
    for (const payload of ['a', 'b']) {
      box.put(message(payload), { steady: true, had: () => had++ });
    }
    box.open(send);
    await settled();
    expect(broker).toEqual(['a', 'b']);
    expect(had).toBe(2);
  });
});
