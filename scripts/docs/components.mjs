// @ts-check

/**
 * @typedef {import('#kit/service/service').AnyService} Service
 * @typedef {import('#kit/service/definition').Callee} Callee
 */

/**
 * The files of components/bus that depend on the services' definitions.
 * @param {readonly Service[]} services
 * @param {ReadonlyMap<string, string>} files texts by path
 * @returns {Map<string, string>}
 */
export function busComponents(services, files) {
  /** @type {Map<string, string>} */
  const written = new Map();
  for (const [path, text] of files) {
    if (/^components\/bus\/[\w-]+\/bus\.yaml$/.test(path)) {
      written.set(path, withScopes(text, services));
    }
  }
  return written.set('components/bus/rabbitmq/definitions.json', definitions(services));
}

/**
 * components/calls.json: the methods that each service calls, by caller and callee. Sidecars with identities and the
 * services themselves check it. Its part `others` is written by hand and kept.
 * @param {readonly Service[]} services
 * @param {string} written the present text of components/calls.json
 */
export function serviceCalls(services, written) {
  const { others } = JSON.parse(written);
  const calls = services
    .filter(({ definition }) => definition.calls !== undefined)
    .map((service) => [service.name, callsOf(service)]);
  return `${JSON.stringify({ services: Object.fromEntries(calls), others }, null, 2)}\n`;
}

/**
 * components/publishers.json, by which a service checks the source of an event. Its part `others` is written
 * by hand and kept.
 * @param {readonly Service[]} services
 * @param {string} written the present text of components/publishers.json
 */
export function eventPublishers(services, written) {
  const { others } = JSON.parse(written);
  return `${JSON.stringify({ services: publishersOf(services), others }, null, 2)}\n`;
}

/**
 * The topics on which each service publishes.
 * @param {readonly Service[]} services
 * @returns {Record<string, string[]>}
 */
export function publishersOf(services) {
  return Object.fromEntries(
    services
      .map((it) => /** @type {const} */ ([it.name, [...publishedTopics(it, services)].sort()]))
      .filter(([, topics]) => topics.length > 0),
  );
}

/** The OperationsService is a part of every service. */
const OPERATIONS = 'retail.operations.v1.OperationsService';

/**
 * The calls that a service declares.
 * @param {Pick<Service, 'definition'>} service
 * @returns {Record<string, string[]>} full names of methods, by callee
 */
export function callsOf({ definition: { calls = {}, operations = [] } }) {
  /** @type {Record<string, string[]>} */
  const called = {};
  for (const callee of Object.keys(calls).sort()) {
    const { service, methods } = /** @type {Callee} */ (calls[callee]);
    called[callee] = [
      ...methods.map((name) => `${service.typeName}/${rpcName(name)}`),
      ...operations.map((name) => `${OPERATIONS}/${rpcName(name)}`),
    ].sort();
  }
  return called;
}

/** @param {string} name in TypeScript @returns {string} the name in proto/ */
const rpcName = (name) => name.charAt(0).toUpperCase() + name.slice(1);

// everything after it, to the end of the file, is replaced
const MARK = `    # The topics that each service may publish and subscribe to, generated from its definition by
    # \`npm run docs\`.
`;

/** @param {string} text of a component @param {readonly Service[]} services */
function withScopes(text, services) {
  const [before = ''] = text.split(MARK);
  const publishers = services.map((it) => scope(it, publishedTopics(it, services)));
  const subscribers = services.map((it) => scope(it, it.topics));
  return `${before}${MARK}${scopes('publishingScopes', publishers)}${scopes('subscriptionScopes', subscribers)}`;
}

/** @param {Service} service @param {readonly string[]} topics */
const scope = ({ name }, topics) => `${name}=${[...topics].sort().join(',')}`;

/**
 * The topics on which a service publishes its events, commands, requests and replies.
 * @param {Service} service
 * @param {readonly Service[]} services
 */
export function publishedTopics({ definition, subscribesTo }, services) {
  const { publishes = [], requests = [] } = definition;
  const senders = services.filter((it) => it.definition.requests?.some((one) => subscribesTo.includes(one)));
  // of a sender's topics, the one that is not an event's is its topic of replies
  const replies = senders.flatMap((it) => it.topics.filter((topic) => !it.events.has(topic)));
  return [...[...publishes, ...requests].map(({ type }) => type), ...replies];
}

/** @param {string} name @param {string[]} lines */
const scopes = (name, lines) =>
  `    - name: ${name}\n      value: >-\n        ${lines.join(';\n        ')}\n`;

/**
 * RabbitMQ drops a message without a bound queue, so it must know them before the first publication: an
 * exchange for each topic and a queue for each of its subscribers, as daprd declares them.
 * @param {readonly Service[]} services
 */
function definitions(services) {
  const published = services.flatMap((it) => publishedTopics(it, services));
  const subscriptions = services.flatMap(({ name, topics }) =>
    [...topics].sort().map((type) => ({ type, queue: `${name}-${type}` })),
  );
  const own = { vhost: '/', durable: true, auto_delete: false, arguments: {} };
  const document = {
    exchanges: [...new Set(published)]
      .sort()
      .map((name) => ({ name, ...own, type: 'fanout', internal: false })),
    queues: subscriptions.map(({ queue }) => ({
      name: queue,
      ...own,
      arguments: { 'x-queue-type': 'classic' },
    })),
    bindings: subscriptions.map(({ type, queue }) => ({
      source: type,
      vhost: '/',
      destination: queue,
      destination_type: 'queue',
      routing_key: '',
      arguments: {},
    })),
    // Queued messages are on disk already, because a publication is confirmed only then. By default
    // they are kept in memory as well, and a backlog of 100,000 events took 0.9 GB. From RabbitMQ 3.12
    // on, queues always behave like this.
    policies: [
      {
        vhost: '/',
        name: 'backlogs-on-disk',
        pattern: '.*',
        'apply-to': 'queues',
        definition: { 'queue-mode': 'lazy' },
        priority: 0,
      },
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
