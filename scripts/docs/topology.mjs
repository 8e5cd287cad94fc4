// @ts-check

/**
 * @typedef {import('#kit/service/service').Service} Service
 * @typedef {readonly { readonly type: string, readonly kind: string }[]} Contracts
 */

/**
 * Who calls whom and who hears what, as a picture and a table in Markdown.
 * @param {readonly Service[]} services
 */
export function topology(services) {
  const lines = [
    '# Topology',
    '',
    'Written by `npm run docs` from the definitions of the services. A line is a call, a dotted one',
    'an event. A service hears its own commands: they are in the table, not in the picture. What is',
    'outside of the system, and asked over HTTP, has slanted sides.',
    '',
    '```mermaid',
    'flowchart LR',
    // round: the edge, which others do not call
    ...services.map(({ name, definition: { serves } }) =>
      serves === undefined ? `  ${name}([${name}])` : `  ${name}[${name}]`,
    ),
    ...[...new Set(services.flatMap(endpointsOf))].map((name) => `  ${name}[/${name}/]`),
    ...services.flatMap(calls),
    ...services.flatMap((service) => events(service, services)),
    '```',
    '',
    '| service | keeps | calls | hears | says |',
    '| --- | --- | --- | --- | --- |',
    ...services.map(row),
    '',
    'Events that nobody inside hears are said for the world outside.',
  ];
  return `${lines.join('\n')}\n`;
}

/** @param {Service} service */
function calls({ name, definition }) {
  const asked = [...Object.keys(definition.calls ?? {}), ...(definition.endpoints ?? [])];
  return asked.map((callee) => `  ${name} --> ${callee}`);
}

/** @param {Service} service */
function endpointsOf({ definition }) {
  return definition.endpoints ?? [];
}

/** @param {Service} speaker @param {readonly Service[]} services */
function events(speaker, services) {
  const { publishes = [], asks = [] } = speaker.definition;
  const said = [...publishes, ...asks];
  return services
    .filter((hearer) => hearer !== speaker)
    .map((hearer) => ({ hearer, types: typesOf(said.filter((one) => hearer.subscribesTo.includes(one))) }))
    .filter(({ types }) => types.length > 0)
    .map(({ hearer, types }) => `  ${speaker.name} -. "${types.join('<br>')}" .-> ${hearer.name}`);
}

/** @param {Service} service */
function row({ name, definition, subscribesTo }) {
  const cells = [
    name,
    Object.keys({ ...definition.stores, ...definition.feeds }),
    [...Object.keys(definition.calls ?? {}), ...(definition.endpoints ?? [])],
    typesOf(subscribesTo),
    typesOf([...(definition.publishes ?? []), ...(definition.asks ?? [])]),
  ];
  return `| ${cells.map((cell) => (Array.isArray(cell) ? cell.join('<br>') : cell)).join(' | ')} |`;
}

/** @param {Contracts} contracts */
function typesOf(contracts) {
  return contracts
    .map(({ type, kind }) => (kind === 'event' ? type : `${type} (${kind})`))
    .sort();
}
