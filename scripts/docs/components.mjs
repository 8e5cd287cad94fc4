// @ts-check

/**
 * @typedef {import('#kit/service/service').Service} Service
 */

/**
 * The files of components/bus that tell of the services, as they are now.
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
 * Who calls whom, as the services check it; what is there of others was written by hand.
 * @param {readonly Service[]} services
 * @param {string} written components/calls.json
 */
export function serviceCalls(services, written) {
  const { others } = JSON.parse(written);
  const calls = services
    .map(({ name, definition }) => /** @type {const} */ ([name, Object.keys(definition.calls ?? {})]))
    .filter(([, called]) => called.length > 0)
    .map(([name, called]) => [name, [...called].sort()]);
  return `${JSON.stringify({ services: Object.fromEntries(calls), others }, null, 2)}\n`;
}

// what follows it, to the end of the file, is written anew
const MARK = `    # What a service may say and hear: what its definition says, and nothing else. Written by
    # \`npm run docs\`.
`;

/** @param {string} text of a component @param {readonly Service[]} services */
function withScopes(text, services) {
  const [before = ''] = text.split(MARK);
  const says = services.map((it) => scope(it, topicsSaid(it, services)));
  const hears = services.map((it) => scope(it, it.topics));
  return `${before}${MARK}${scopes('publishingScopes', says)}${scopes('subscriptionScopes', hears)}`;
}

/** @param {Service} service @param {readonly string[]} topics */
const scope = ({ name }, topics) => `${name}=${[...topics].sort().join(',')}`;

/**
 * Where a service says what it publishes, what it asks, and its answers.
 * @param {Service} service
 * @param {readonly Service[]} services
 */
function topicsSaid({ definition, subscribesTo }, services) {
  const { publishes = [], asks = [] } = definition;
  const askers = services.filter((it) => it.definition.asks?.some((one) => subscribesTo.includes(one)));
  // the topic that each of them hears besides its events
  const replies = askers.flatMap((it) => it.topics.filter((topic) => !it.events.has(topic)));
  return [...[...publishes, ...asks].map(({ type }) => type), ...replies];
}

/** @param {string} name @param {string[]} lines */
const scopes = (name, lines) =>
  `    - name: ${name}\n      value: >-\n        ${lines.join(';\n        ')}\n`;

/**
 * What RabbitMQ has to know before anybody says anything, as it drops what no queue is bound for: an
 * exchange for each type of event, a queue for each service that hears it, as daprd declares them.
 * @param {readonly Service[]} services
 */
function definitions(services) {
  const said = services.flatMap((it) => topicsSaid(it, services));
  const heard = services.flatMap(({ name, topics }) =>
    [...topics].sort().map((type) => ({ type, queue: `${name}-${type}` })),
  );
  const own = { vhost: '/', durable: true, auto_delete: false, arguments: {} };
  const document = {
    exchanges: [...new Set(said)]
      .sort()
      .map((name) => ({ name, ...own, type: 'fanout', internal: false })),
    queues: heard.map(({ queue }) => ({
      ...{ name: queue, ...own },
      arguments: { 'x-queue-type': 'classic' },
    })),
    bindings: heard.map(({ type, queue }) => ({
      ...{ source: type, vhost: '/', destination: queue, destination_type: 'queue' },
      ...{ routing_key: '', arguments: {} },
    })),
    // What waits is on the disk already, as it is confirmed only then; by default it is kept in memory
    // as well, and a backlog of 100,000 events took 0.9 GB. From 3.12 on this is how queues are.
    policies: [
      {
        ...{ vhost: '/', name: 'backlogs-on-disk', pattern: '.*', 'apply-to': 'queues' },
        ...{ definition: { 'queue-mode': 'lazy' }, priority: 0 },
      },
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
