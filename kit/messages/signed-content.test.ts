import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CloudEvent } from './cloud-event';
import { signedContent } from './signed-content';

const base = {
  ...{ specversion: '1.0', id: 'e1', source: 'lamps', type: 'lamp.lit', subject: 'l1' },
  ...{ time: '2030-01-31T12:00:00.000Z', eventversion: 2, minversion: 1, sequence: 7 },
  ...{ correlationid: 'c1', causationid: 'p1', tenantid: 't1', replyto: 'shop.replies' },
  ...{ expirytime: '2030-01-31T12:00:05.000Z', data: { lampId: 'l1', lumens: 800 } },
};
const contentOf = (event: object) => signedContent(CloudEvent.parse(event));

test('the signed content has one form, which other languages can build too', () => {
  expect(contentOf(base)).toBe(
    '{"causationid":"p1","correlationid":"c1","data":{"lampId":"l1","lumens":800},' +
      '"datacontenttype":"application/json","eventversion":2,"expirytime":"2030-01-31T12:00:05.000Z",' +
      '"id":"e1","minversion":1,"replyto":"shop.replies","sequence":7,"source":"lamps",' +
      '"subject":"l1","tenantid":"t1","time":"2030-01-31T12:00:00.000Z","type":"lamp.lit"}',
  );
});

test('an event with the attributes of CloudEvents only has the defaults of the others', () => {
  const event = { specversion: '1.0', id: '1', source: 's', type: 'lamp.lit', data: 1 };
  expect(contentOf(event)).toBe(
    '{"causationid":"","correlationid":"","data":1,"datacontenttype":"application/json",' +
      '"eventversion":1,"id":"1","sequence":0,"source":"s","subject":"","tenantid":"default","type":"lamp.lit"}',
  );
});

describe('the signed content is the same', () => {
  test.each([
    [
      'numbers of attributes that became text',
      { eventversion: '2', minversion: '1', sequence: '7' },
    ],
    ['another trace', { traceparent: '00-1-2-01', traceid: '1' }],
    ['attributes that the sidecar adds', { pubsubname: 'bus', topic: 'lamp.lit', tracestate: '' }],
    ['a signature', { signature: 'x' }],
    ['members in another order', { data: { lumens: 800, lampId: 'l1' } }],
  ])('with %s', (_, change) => {
    expect(contentOf({ ...base, ...change })).toBe(contentOf(base));
  });

  test('whatever JSON the data is, after another program has written it in its own form', () => {
    // Go sorts keys, escapes HTML and writes exponents; all of that is the same value when it is parsed
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (data) => {
        const wire = JSON.stringify({ ...base, data }).replaceAll('<', '\\u003c');
        expect(contentOf(JSON.parse(wire) as object)).toBe(contentOf({ ...base, data }));
      }),
    );
  });

  test.each([
    ['half of a surrogate pair', 'a\ud800b', 'a\ufffdb'],
    ['the other half', '\udfff', '\ufffd'],
    ['halves in the wrong order', '\udc00\ud800', '\ufffd\ufffd'],
  ])('after a sidecar has replaced %s', (_, text, replaced) => {
    expect(contentOf({ ...base, data: { text, [text]: 1 } })).toBe(
      contentOf({ ...base, data: { text: replaced, [replaced]: 1 } }),
    );
  });
});

describe('the signed content differs', () => {
  test.each(
    Object.entries({
      ...{ id: 'e2', source: 'shop', type: 'lamp.sold', subject: 'l2', eventversion: 3 },
      ...{ time: '2030-01-31T12:00:00.001Z', minversion: 2, sequence: 8, correlationid: 'c2' },
      ...{
        causationid: 'p2',
        tenantid: 't2',
        replyto: 'user.replies',
        datacontenttype: 'text/plain',
      },
      ...{ expirytime: '2031-01-31T12:00:05.000Z', data: { lampId: 'l1', lumens: 801 } },
    }),
  )('with another %s', (name, value) => {
    expect(contentOf({ ...base, [name]: value })).not.toBe(contentOf(base));
  });

  test.each(['subject', 'time', 'minversion', 'sequence', 'tenantid', 'replyto', 'expirytime'])(
    'without %s',
    (name) => {
      expect(contentOf({ ...base, [name]: undefined })).not.toBe(contentOf(base));
    },
  );

  test.each([
    ['a member', { lampId: 'l1', lumens: 800, colour: 'red' }],
    ['a member named __proto__', JSON.parse('{"lampId":"l1","lumens":800,"__proto__":{"a":1}}')],
    ['text in place of a number', { lampId: 'l1', lumens: '800' }],
    ['an array in place of an object', ['l1', 800]],
    ['text that looks like an escape', { lampId: '\\ud800', lumens: 800 }],
  ])('with %s', (_, data: unknown) => {
    expect(contentOf({ ...base, data })).not.toBe(contentOf(base));
  });

  test('for a backslash before text that looks like half of a surrogate pair', () => {
    const texts = ['\\ud800', '\\\\ud800', '\ufffd', '\\\ufffd', '\\u005cud800', '\ud800\\ud800'];
    const contents = texts.map((text) => contentOf({ ...base, data: { text } }));
    expect(new Set(contents).size).toBe(texts.length);
  });
});

test('an attribute of the envelope that is not signed is one that says so', () => {
  const full = CloudEvent.parse({ ...base, traceparent: 't', traceid: 't', signature: 's' });
  const signed = Object.keys(JSON.parse(contentOf(full)) as object);
  const unsigned = Object.keys(CloudEvent.shape).filter((name) => !signed.includes(name));
  // fixed by the schema, or changed by sidecars, or the signature itself
  expect(unsigned.sort()).toEqual(['signature', 'specversion', 'traceid', 'traceparent']);
});
