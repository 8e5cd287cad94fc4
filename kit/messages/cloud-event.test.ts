import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { asService } from '../core/caller';
import type { Clock } from '../core/clock';
import { CloudEvent, cloudEvent } from './cloud-event';
import { defineEvent } from './contract';
import { Execution } from '../core/execution';
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

const handlingOf = (id: string) =>
  new Execution(newCallContext(clock, { id, correlationId: 'c1', caller: asService('t1') }), clock);
const light = (execution: Execution, lampId: string, source = 'lamps') =>
  cloudEvent(source, LampLit, { lampId }, execution, clock);

describe('an event that is said', () => {
  it('tells what it is about, who said it, why, and in which trace', () => {
    const execution = handlingOf('cause-1');
    execution.noteSequence('l1', 7);
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

  it('tells who can read it besides, and is not said where they could not', () => {
    const Told = defineEvent('LampLit', {
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
    const say = (data: { lampId: string; lamp?: string }) =>
      cloudEvent('lamps', Told, data, handlingOf('cause-1'), clock);
    expect(say({ lampId: 'l1', lamp: 'l1' })).toMatchObject({ eventversion: 2, minversion: 1 });
    expect(() => say({ lampId: 'l1' })).toThrow(z.ZodError);
    expect(light(handlingOf('cause-1'), 'l1')).not.toHaveProperty('minversion');
  });

  it('has the same id when its handling is repeated', () => {
    expect(light(handlingOf('cause-1'), 'l1').id).toBe(light(handlingOf('cause-1'), 'l1').id);
  });

  it('is the same under any cause where it is a fact that can come about once', () => {
    const said = (callContext: string, fact: string) =>
      cloudEvent('lamps', LampLit, { lampId: 'l1' }, handlingOf(callContext), clock, fact);
    expect(said('cause-1', 'first-light').id).toBe(said('cause-2', 'first-light').id);
    expect(said('cause-1', 'first-light').id).not.toBe(said('cause-1', 'second-light').id);
    expect(said('cause-1', 'first-light').causationid).toBe('cause-1');
  });

  it('has an id of its own by cause, source, subject and turn', () => {
    const execution = handlingOf('cause-1');
    const events = [
      light(execution, 'l1'),
      light(execution, 'l1'),
      light(execution, 'l2'),
      light(handlingOf('cause-1'), 'l1', 'other-lamps'),
      light(handlingOf('cause-2'), 'l1'),
    ];
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  });

  it('does not lose its number to events about something else', () => {
    const [one, two] = [handlingOf('cause-1'), handlingOf('cause-1')];
    light(two, 'l2');
    expect(light(two, 'l1').id).toBe(light(one, 'l1').id);
  });

  it('is not said with data that its contract does not take', () => {
    // as from a caller that the compiler did not check
    const data = JSON.parse('{"lampId": 1}') as { lampId: string };
    expect(() => cloudEvent('lamps', LampLit, data, handlingOf('c'), clock)).toThrow(z.ZodError);
  });
});

describe('an event that is heard', () => {
  it('is read as it was said, also when the extensions came as text', () => {
    const event = light(handlingOf('cause-1'), 'l1');
    const wire = {
      ...event,
      eventversion: '2',
      sequence: '7',
      pubsubname: 'bus',
      topic: 'lamp.lit',
    };
    const heard = CloudEvent.parse(JSON.parse(JSON.stringify(wire)));
    expect(heard).toEqual({ ...event, sequence: 7 });
  });

  it('may come from somebody who knows CloudEvents only', () => {
    const heard = CloudEvent.parse({
      specversion: '1.0',
      id: '1',
      type: 'lamp.lit',
      source: '/x',
      data: 1,
    });
    expect(heard).toMatchObject({ eventversion: 1, sequence: 0, tenantid: 'default', subject: '' });
  });

  it.each([
    ['no id', { id: '' }],
    ['another specversion', { specversion: '0.3' }],
    ['a time that is none', { time: 'yesterday' }],
    ['a version that is none', { eventversion: 'newest' }],
    ['a sequence below zero', { sequence: -1 }],
  ])('is not read with %s', (_, change) => {
    const event = light(handlingOf('cause-1'), 'l1');
    expect(CloudEvent.safeParse({ ...event, ...change }).success).toBe(false);
  });
});
