import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { JsonObject } from '@bufbuild/protobuf';
import { type Edge, openEdge } from '../testing/edge';

// JSON that the platform passes on to a device: the device gets what was sent, or the request is refused.

let edge: Edge;
let received: JsonObject | undefined;
beforeAll(async () => {
  edge = await openEdge({
    'iot-gateway': {
      sendCommand: ({ arguments: given }) => {
        received = given;
        return { commandId: 'c' };
      },
    },
  });
});
afterAll(() => edge.close());
beforeEach(() => {
  received = undefined;
});

const send = async (given: string) =>
  edge.send('POST', '/api/v1/devices/d1/commands', {
    token: await edge.token({ role: 'seller' }),
    raw: `{"name":"dispense","arguments":${given},"expiresAt":"2026-01-01T00:01:00Z"}`,
  });

describe('the arguments of a command', () => {
  it.each([
    '{}',
    '{"slot":"A3","count":2,"price":19.99,"none":null,"yes":true}',
    '{"deep":{"er":[1,[2,{"a":[]}]]}}',
    '{"constructor":{"prototype":1},"toString":"x","hasOwnProperty":0}',
    '{"":"empty","a.b":1,"\\u00e9":"\\ud83d\\ude00","\\u0000":"\\u0000"}',
    '{"large":9007199254740991,"small":5e-324,"more":1.7976931348623157e308}',
    '{"numbers":["9007199254740993"]}',
  ])('%s reach the service as they were sent', async (given) => {
    expect((await send(given)).status).toBe(202);
    expect(JSON.stringify(received)).toBe(JSON.stringify(JSON.parse(given)));
  });

  it.each([
    ['{"at":9007199254740993}', 'arguments.at', /rounded/],
    ['{"at":[1,{"x":1e400}]}', 'arguments.at.1.x', /rounded/],
    ['{"__proto__":{"admin":true}}', 'arguments', /__proto__/],
    ['{"a":[{"__proto__":1}]}', 'arguments', /__proto__/],
    ['{"\\u005f_proto__":1}', 'arguments', /__proto__/],
    ['{"text":"\\ud800"}', 'arguments', /surrogate/],
    ['{"\\udc00":1}', 'arguments', /surrogate/],
    ['[]', 'arguments', /object/],
    ['"text"', 'arguments', /object/],
    ['null', 'arguments', /object/],
  ])('%s are refused by the name of the field', async (given, field, message) => {
    const { status, body } = await send(given);
    expect(status).toBe(422);
    expect(body.details?.fields).toEqual([{ field, message: expect.stringMatching(message) }]);
    expect(received).toBeUndefined();
  });
});

describe('the time until which a command is valid', () => {
  it.each([
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+14:00',
    '9999-12-31T23:59:59-14:00',
    '+275760-09-13T00:00:00Z',
    '2026-02-30T00:00:00Z',
  ])('%s is refused by the name of the field', async (expiresAt) => {
    const { status, body } = await edge.send('POST', '/api/v1/devices/d1/commands', {
      token: await edge.token({ role: 'seller' }),
      body: { name: 'dispense', arguments: {}, expiresAt },
    });
    expect(status).toBe(422);
    expect(body.details?.fields).toMatchObject([{ field: 'expiresAt' }]);
  });
});
