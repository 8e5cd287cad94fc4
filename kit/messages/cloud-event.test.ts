import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { asService } from '../core/caller';
import type { Clock } from '../core/clock';
import { CloudEvent, cloudEvent } from './cloud-event';
import { defineEvent } from './contract';
import { Execution, type MadeChange } from '../core/execution';
import { newCallContext } from '../core/call-context';
import { traceId } from '../core/trace';

const clock: Clock = { now: () => Date.parse('2030-01-31T12:00:00Z'), sleep: async () => {} };

const LampLit = defineEvent('LampLit', {
  type: 'lamp.lit',
  version: 2,
  description: 'A lamp was lit.',
  data: z.object({ lampId: z.string(), lumens: z.int().default(800) }),
  subject: ({ lampId }) => lampId,
  earlierVersions: [{ version: 1, data: z.unknown(), upcast: (data) => data }],
});

const executionOf = (id: string) =>
  new Execution(newCallContext(clock, { id, correlationId: 'c1', caller: asService('t1') }), clock);
const light = (execution: Execution, lampId: string, source = 'lamps') =>
  cloudEvent(source, LampLit, { lampId }, execution);

describe('a published event', () => {
  it('has its subject, source, cause and trace', () => {
    const execution = executionOf('cause-1');
    execution.noteSequence('l1', 7, false);
    const event = light(execution, 'l1');
    expect(event).toMatchObject({
      specversion: '1.0',
      type: 'lamp.lit',
      source: 'lamps',
      subject: 'l1',
      time: '2030-01-31T12:00:00.000Z',
      datacontenttype: 'application/json',
      eventversion: 2,
      correlationid: 'c1',
      causationid: 'cause-1',
      sequence: 7,
      tenantid: 't1',
      traceparent: execution.callContext.traceparent,
      traceid: traceId(execution.callContext.traceparent),
      data: { lampId: 'l1', lumens: 800 },
    });
  });

  it('has the oldest version that can read it, and is rejected if that version could not', () => {
    const Compatible = defineEvent('LampLit', {
      type: 'lamp.lit',
      version: 2,
      description: 'A lamp was lit.',
      data: z.object({ lampId: z.string(), lamp: z.string().optional() }),
      subject: ({ lampId }) => lampId,
      earlierVersions: [
        { version: 1, data: z.object({ lamp: z.string() }), upcast: (data) => data },
      ],
      minVersion: 1,
    });
    const publish = (data: { lampId: string; lamp?: string }) =>
      cloudEvent('lamps', Compatible, data, executionOf('cause-1'));
    expect(publish({ lampId: 'l1', lamp: 'l1' })).toMatchObject({ eventversion: 2, minversion: 1 });
    expect(() => publish({ lampId: 'l1' })).toThrow(z.ZodError);
    expect(light(executionOf('cause-1'), 'l1')).not.toHaveProperty('minversion');
  });

  it('has the time of the first attempt that published it', () => {
    let now = Date.parse('2030-01-31T12:00:00Z');
    const made = new Map<string, MadeChange>();
    const attempt = () => {
      const late: Clock = { now: () => now, sleep: async () => {} };
      const callContext = newCallContext(late, { id: 'cause-1' });
      return light(new Execution(callContext, late, false, now, made), 'l1').time;
    };
    const first = attempt();
    now += 3_600_000;
    expect(attempt()).toBe(first);
    made.clear();
    expect(attempt()).not.toBe(first);
  });

  it('has the same id when its execution is repeated', () => {
    expect(light(executionOf('cause-1'), 'l1').id).toBe(light(executionOf('cause-1'), 'l1').id);
  });

  it('has the same id in any execution with the same dedup key', () => {
    const published = (callContextId: string, dedupKey: string) =>
      cloudEvent('lamps', LampLit, { lampId: 'l1' }, executionOf(callContextId), dedupKey);
    expect(published('cause-1', 'first-light').id).toBe(published('cause-2', 'first-light').id);
    expect(published('cause-1', 'first-light').id).not.toBe(
      published('cause-1', 'second-light').id,
    );
    expect(published('cause-1', 'first-light').causationid).toBe('cause-1');
  });

  it('has an id that depends on call context, source, subject and effect index', () => {
    const execution = executionOf('cause-1');
    const events = [
      light(execution, 'l1'),
      light(execution, 'l1'),
      light(execution, 'l2'),
      light(executionOf('cause-1'), 'l1', 'other-lamps'),
      light(executionOf('cause-2'), 'l1'),
    ];
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  });

  it('has an effect index that counts events of its own subject only', () => {
    const [one, two] = [executionOf('cause-1'), executionOf('cause-1')];
    light(two, 'l2');
    expect(light(two, 'l1').id).toBe(light(one, 'l1').id);
  });

  it('is rejected with data that does not match its contract', () => {
    // as from a caller that the compiler did not check
    const data = JSON.parse('{"lampId": 1}') as { lampId: string };
    expect(() => cloudEvent('lamps', LampLit, data, executionOf('c'))).toThrow(z.ZodError);
  });
});

describe('a received event', () => {
  it('is parsed as it was published, also if extensions arrive as text', () => {
    const event = light(executionOf('cause-1'), 'l1');
    const wire = {
      ...event,
      eventversion: '2',
      sequence: '7',
      pubsubname: 'bus',
      topic: 'lamp.lit',
    };
    const received = CloudEvent.parse(JSON.parse(JSON.stringify(wire)));
    expect(received).toEqual({ ...event, sequence: 7 });
  });

  it('may come from a publisher that sets standard attributes only', () => {
    const received = CloudEvent.parse({
      specversion: '1.0',
      id: '1',
      type: 'lamp.lit',
      source: '/x',
      data: 1,
    });
    expect(received).toMatchObject({
      eventversion: 1,
      sequence: 0,
      tenantid: 'default',
      subject: '',
    });
  });

  it.each([
    ['no id', { id: '' }],
    ['another specversion', { specversion: '0.3' }],
    ['an invalid time', { time: 'yesterday' }],
    ['an invalid version', { eventversion: 'newest' }],
    ['a sequence below zero', { sequence: -1 }],
  ])('is rejected with %s', (_, change) => {
    const event = light(executionOf('cause-1'), 'l1');
    expect(CloudEvent.safeParse({ ...event, ...change }).success).toBe(false);
  });
});
