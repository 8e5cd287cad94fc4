// @ts-check

/**
 * @typedef {import('#kit/service').Service} Service
 * @typedef {readonly import('#kit/contract').Contract[]} Contracts
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

// what follows it, to the end of the file, is written anew
const MARK = `    # What a service may say and hear: what its definition says, and nothing else. Written by
    # \`npm run docs\`.
`;

/** @param {string} text of a component @param {readonly Service[]} services */
function withScopes(text, services) {
  const [before = ''] = text.split(MARK);
  const says = services.map((it) => scope(it, it.definition.publishes ?? []));
  const hears = services.map((it) => scope(it, it.hears));
  return `${before}${MARK}${scopes('publishingScopes', says)}${scopes('subscriptionScopes', hears)}`;
}

/** @param {Service} service @param {Contracts} contracts */
const scope = ({ name }, contracts) => `${name}=${types(contracts).join(',')}`;

/** @param {string} name @param {string[]} lines */
const scopes = (name, lines) =>
  `    - name: ${name}\n      value: >-\n        ${lines.join(';\n        ')}\n`;

/**
 * What RabbitMQ has to know before anybody says anything, as it drops what no queue is bound for: an
 * exchange for each type of event, a queue for each service that hears it, as daprd declares them.
 * @param {readonly Service[]} services
 */
function definitions(services) {
  const said = services.flatMap(({ definition }) => types(definition.publishes ?? []));
  const heard = services.flatMap(({ name, hears }) =>
    types(hears).map((type) => ({ type, queue: `${name}-${type}` })),
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
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** @param {Contracts} contracts */
const types = (contracts) => contracts.map(({ type }) => type).sort();
