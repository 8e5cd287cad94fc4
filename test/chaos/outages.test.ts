import { describe, expect, it } from '@jest/globals';
import { outageSchedule, outageSeconds, parkedHistory } from './outages';

it('the services are down one after the other', () => {
  const schedule = outageSchedule(['user', 'order'], 60);
  expect(schedule.map(({ kind, target, to, from }) => [kind, target, to - from])).toEqual([
    ['kill', 'user', 60],
    ['kill', 'order', 60],
  ]);
  expect(schedule[1]!.from).toBeGreaterThan(schedule[0]!.to);
  expect(outageSeconds(['user', 'order'], 60)).toBeGreaterThan(schedule[1]!.to);
});

describe('a log of events', () => {
  const START = Date.parse('2026-01-01T00:00:00.000Z');
  const line = (second: number, eventId: string, outcome: string, more: object = {}) => {
    const message = outcome === 'parked' ? 'event parked' : 'event handled';
    const timestamp = new Date(START + second * 1_000).toISOString();
    const event = { type: 'thing.made', subject: 'a', duration: 10 };
    return JSON.stringify({ timestamp, message, eventId, outcome, ...event, ...more });
  };
  const historyOf = (...lines: string[]) =>
    parkedHistory('things', lines.join('\n'), (type) => type === 'thing.make');
  const found = (...lines: string[]) =>
    historyOf(...lines).overtakings.map(({ event, overtaken }) => `${event} overtook ${overtaken}`);

  it('with parked events in order shows none that overtook another', () => {
    expect(
      found(
        line(1, 'e1', 'parked'),
        line(2, 'e2', 'parked'),
        line(3, 'x1', 'handled', { subject: 'b' }),
        line(4, 'e1', 'parked'),
        line(5, 'e1', 'handled'),
        line(6, 'e2', 'handled'),
        line(7, 'e3', 'handled'),
      ),
    ).toEqual([]);
  });

  it('shows an event that was handled before a parked one', () => {
    const parked = line(1, 'e1', 'parked');
    const overtaken = ['e2 overtook e1'];
    expect(found(parked, line(2, 'e2', 'handled'), line(3, 'e1', 'handled'))).toEqual(overtaken);
    expect(found(parked, line(2, 'e2', 'parked'), line(3, 'e2', 'handled'))).toEqual(overtaken);
  });

  it('does not count one that had begun before the other was parked', () => {
    expect(found(line(1, 'e1', 'parked'), line(2, 'e2', 'handled', { duration: 1_500 }))).toEqual(
      [],
    );
  });

  it('counts commands by type', () => {
    const command = { type: 'thing.make' };
    expect(found(line(1, 'e1', 'parked', command), line(2, 'e2', 'handled'))).toEqual([]);
    expect(found(line(1, 'e1', 'parked', command), line(2, 'e2', 'handled', command))).toHaveLength(
      1,
    );
  });

  it('shows when parked events were handled', () => {
    const lines = [line(1, 'e1', 'parked'), line(2, 'e1', 'parked'), line(5, 'e1', 'handled')];
    expect(historyOf(...lines, line(6, 'e2', 'handled')).resumed).toEqual([
      { parkedAt: START + 1_000, handledAt: START + 5_000 },
    ]);
  });

  it('ignores other lines and what is no JSON', () => {
    expect(found('{"message":"event parked"}', 'event', line(1, 'e1', 'handled'))).toEqual([]);
  });
});
