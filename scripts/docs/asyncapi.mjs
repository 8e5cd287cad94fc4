// @ts-check
import { jsonSchema } from './json-schema.mjs';

/**
 * @typedef {import('#kit/messages/contract').Contract} Contract
 * @typedef {import('#kit/messages/contract').RequestContract} RequestContract
 * @typedef {import('#kit/service/service').Service} Service
 * @typedef {import('zod').ZodType} ZodType
 */

/**
 * All messages on the bus, as AsyncAPI 3.1.
 * @param {readonly Contract[]} contracts
 * @param {readonly Service[]} services
 * @param {ZodType} envelope the CloudEvent around each event's data
 */
export function asyncapi(contracts, services, envelope) {
  const sorted = [...contracts].sort((a, b) => (a.type < b.type ? -1 : 1));
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'Omnichannel events',
      version: '1',
      description: [
        'The messages that services exchange and publish: CloudEvents 1.0, one topic per type.',
        'An event may be delivered more than once and out of order. Its id identifies it, and of two',
        'events about the same subject, the one with the higher sequence is newer.',
        'Ignore unknown fields. x-event-view maps the fields of an Event to CloudEvents attributes.',
      ].join(' '),
    },
    defaultContentType: 'application/cloudevents+json',
    'x-event-view': {
      eventId: 'id',
      eventType: 'the name of the message, such as OrderCreated, whose type is order.created',
      eventVersion: 'eventversion',
      source: 'source',
      timestamp: 'time',
      correlationId: 'correlationid',
      data: 'data',
    },
    channels: Object.fromEntries(sorted.map((contract) => [contract.type, channel(contract)])),
    operations: Object.fromEntries(services.flatMap(operations)),
    components: {
      messages: Object.fromEntries(
        sorted.flatMap(versions).map((contract) => [contract.name, message(contract)]),
      ),
      schemas: {
        CloudEvent: jsonSchema(envelope),
        ...Object.fromEntries(
          sorted.flatMap(versions).map(({ name, data }) => [name, jsonSchema(data)]),
        ),
        ...Object.fromEntries(
          sorted.filter(isRequest).map(({ name, reply }) => [`${name}Answer`, jsonSchema(reply)]),
        ),
      },
    },
  };
}

/** @param {Contract} contract @returns {contract is RequestContract} */
const isRequest = (contract) => contract.kind === 'request';

/**
 * The contract and its earlier versions, named `<name>V1` and so on: subscribers may receive each.
 * @param {Contract} contract
 * @returns {Contract[]}
 */
const versions = (contract) => [
  contract,
  ...contract.earlierVersions.map(({ version, data }) => ({
    ...contract,
    name: `${contract.name}V${version}`,
    version,
    data,
  })),
];

/** @param {Contract} contract */
function channel(contract) {
  const { type, description } = contract;
  return {
    address: type,
    description,
    messages: Object.fromEntries(
      versions(contract).map(({ name }) => [name, { $ref: `#/components/messages/${name}` }]),
    ),
  };
}

/** @param {Contract} contract */
function message({ name, type, kind, version, description, public: open }) {
  return {
    name,
    title: name,
    summary: description,
    tags: [{ name: kind }, ...(open ? [{ name: 'public' }] : [])],
    payload: {
      allOf: [
        { $ref: '#/components/schemas/CloudEvent' },
        {
          type: 'object',
          properties: {
            type: { const: type },
            eventversion: { const: version },
            data: { $ref: `#/components/schemas/${name}` },
          },
        },
      ],
    },
  };
}

/** @param {Service} service */
function operations({ name: service, definition, subscribesTo }) {
  /** @param {'send' | 'receive'} action @param {string} verb */
  const as = (action, verb) => (/** @type {Contract} */ { name, type }) => [
    `${service}.${verb}.${name}`,
    {
      action,
      channel: { $ref: `#/channels/${type}` },
      messages: [{ $ref: `#/channels/${type}/messages/${name}` }],
      tags: [{ name: service }],
      ...(verb === 'answers' ? { reply: { address: { location: '$message.payload#/replyto' } } } : {}),
    },
  ];
  return [
    ...(definition.publishes ?? []).map(as('send', 'publishes')),
    ...(definition.requests ?? []).map(as('send', 'requests')),
    ...subscribesTo.filter((it) => !isRequest(it)).map(as('receive', 'handles')),
    ...subscribesTo.filter(isRequest).map(as('receive', 'answers')),
  ];
}
