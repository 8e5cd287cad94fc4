// @ts-check
import { jsonSchema } from '../docs/json-schema.mjs';
import { schemaChanges } from './schema-changes.mjs';

/**
 * @typedef {import('#kit/messages/contract').Contract} Contract
 * @typedef {import('#kit/messages/contract').RequestContract} RequestContract
 * @typedef {import('./schema-changes.mjs').Schema} Schema
 * @typedef {import('zod').ZodType} ZodType
 */

/**
 * What of a message must not change without a new version.
 * @typedef {object} ReleasedContract
 * @property {string} name
 * @property {string} kind `event`, `command`, `request` or `device message`
 * @property {boolean} public
 * @property {string} subject a template such as `{shopId}:{productId}`
 * @property {number} minVersion
 * @property {Schema} [answer]
 * @property {Record<string, Schema>} versions the schema of each version that is read, by number
 */

/**
 * The contents of released-contracts/messages.json. The keys of `contracts` are the types.
 * @typedef {{ envelope: Schema, contracts: Record<string, ReleasedContract> }} Release
 */

export const CHANGELOG = 'docs/CHANGELOG-contracts.md';

/**
 * What a release of these contracts promises to the services and devices that use them.
 * @param {readonly Contract[]} contracts
 * @param {ZodType} envelope the CloudEvent around each event's data
 * @param {Readonly<Record<string, readonly ZodType[]>>} deviceMessages the versions of each kind
 * @returns {Release}
 */
export function releaseOf(contracts, envelope, deviceMessages = {}) {
  const sorted = [...contracts].sort((a, b) => (a.type < b.type ? -1 : 1));
  return {
    envelope: bareSchema(envelope),
    contracts: Object.fromEntries([
      ...sorted.map((contract) => [contract.type, facts(contract)]),
      ...Object.entries(deviceMessages).map(deviceFacts),
    ]),
  };
}

/** @param {ZodType} schema */
const bareSchema = (schema) => jsonSchema(schema, { annotations: false });

/**
 * A device message as it is sent, before defaults apply: firmware in use goes on sending it.
 * @param {[kind: string, versions: readonly ZodType[]]} entry
 * @returns {[topic: string, ReleasedContract]}
 */
const deviceFacts = ([kind, versions]) => [
  `retail/+/+/${kind}`,
  {
    name: `device ${kind}`,
    kind: 'device message',
    public: true,
    subject: '{deviceId}',
    minVersion: versions.length,
    versions: Object.fromEntries(
      versions.map((schema, index) => [
        String(index + 1),
        jsonSchema(schema, { io: 'input', annotations: false }),
      ]),
    ),
  },
];

/** @param {Contract} contract @returns {ReleasedContract} */
function facts(contract) {
  const { name, kind, version, minVersion, data, earlierVersions } = contract;
  const versions = [...earlierVersions, { version, data }];
  return {
    name,
    kind,
    public: contract.public,
    subject: subjectTemplate(contract),
    minVersion,
    ...(isRequest(contract) ? { answer: bareSchema(contract.reply) } : {}),
    versions: Object.fromEntries(
      versions.map(({ version, data }) => [String(version), bareSchema(data)]),
    ),
  };
}

/** @param {Contract} contract @returns {contract is RequestContract} */
const isRequest = (contract) => contract.kind === 'request';

/**
 * How the subject is made of the data: every field that it reads is replaced by its own path.
 * @param {Contract} contract
 */
function subjectTemplate({ subject }) {
  /** @param {string} path @returns {any} */
  const placeholder = (path) =>
    new Proxy(
      {},
      {
        get: (_, key) => {
          if (key === Symbol.toPrimitive || key === 'toString') return () => `{${path}}`;
          return placeholder(path ? `${path}.${String(key)}` : String(key));
        },
      },
    );
  return String(subject(placeholder('')));
}

/**
 * Why these contracts must not be published as they are: one sentence for each broken promise of
 * the last release. Empty where every message of the last release can be read by this code, and
 * every message of this code, in a released version, by the code of the last release.
 * @param {Release} released
 * @param {Release} current
 * @param {string} changelog the text of docs/CHANGELOG-contracts.md
 * @returns {string[]}
 */
export function contractFaults(released, current, changelog) {
  const announced = unreleasedEntries(changelog);
  const envelope = schemaChanges(released.envelope, current.envelope, 'envelope');
  return [
    ...(envelope.length > 0
      ? [
          `The CloudEvents envelope is read by every subscriber and has no versions, but ${listOf(envelope)}; add an optional attribute instead.`,
        ]
      : []),
    ...Object.entries(released.contracts).flatMap(([type, before]) =>
      faultsOf(type, before, current.contracts[type], announced),
    ),
  ];
}

/**
 * @param {string} type
 * @param {ReleasedContract} before
 * @param {ReleasedContract | undefined} after
 * @param {ReadonlySet<string>} announced
 * @returns {string[]}
 */
function faultsOf(type, before, after, announced) {
  const title = `${before.name} (${type})`;
  const newest = newestOf(before);
  if (after === undefined) {
    return announced.has(entryOf(before.name, newest))
      ? []
      : [
          `${title} is released and was removed; restore it, or announce its removal as ${quoted(before.name, newest)} in ${CHANGELOG}.`,
        ];
  }
  if (after.kind !== before.kind) {
    return [
      `${title} is released as ${before.kind} and became ${after.kind}; define the ${after.kind} with a type of its own instead.`,
    ];
  }
  const version = newestOf(after);
  const isAnnounced = announced.has(entryOf(after.name, version));
  const faults = Object.entries(before.versions).flatMap(([number, schema]) =>
    versionFaults(title, Number(number), schema, before, after, announced),
  );
  if (before.public && !after.public && !isAnnounced) {
    faults.push(
      `${title} is released as public and no longer is; make it public again, or announce this as ${quoted(after.name, version)} in ${CHANGELOG}.`,
    );
  }
  const isBreaking = after.minVersion > newest || after.subject !== before.subject;
  if (version > newest && isBreaking && !isAnnounced) {
    faults.push(
      `${title} version ${version} cannot be read by subscribers that know version ${newest} only; announce it as ${quoted(after.name, version)} in ${CHANGELOG}.`,
    );
  }
  return faults;
}

/**
 * @param {string} title
 * @param {number} version
 * @param {Schema} schema
 * @param {ReleasedContract} before
 * @param {ReleasedContract} after
 * @param {ReadonlySet<string>} announced
 * @returns {string[]}
 */
function versionFaults(title, version, schema, before, after, announced) {
  const current = after.versions[version];
  if (current === undefined) {
    return announced.has(entryOf(before.name, version))
      ? []
      : [
          `${title} version ${version} is released and can no longer be read; ${keep(before.kind, version)}, or announce its removal as ${quoted(before.name, version)} in ${CHANGELOG}.`,
        ];
  }
  const isPublished = version === newestOf(before) && version === newestOf(after);
  const changes = [
    ...schemaChanges(schema, current),
    ...(isPublished ? meaningChanges(before, after) : []),
  ];
  if (changes.length === 0) return [];
  const next = Math.max(newestOf(before), newestOf(after) - 1) + 1;
  const remedy = isPublished
    ? `publish the change as version ${next} and ${keep(before.kind, version)}`
    : `restore it and put the change into version ${next}`;
  return [
    `${title} version ${version} is released and must not change, but ${listOf(changes)}; ${remedy}.`,
  ];
}

/**
 * @param {ReleasedContract} before
 * @param {ReleasedContract} after
 */
function meaningChanges(before, after) {
  return [
    ...(before.answer && after.answer ? schemaChanges(before.answer, after.answer, 'answer') : []),
    .../** @type {const} */ (['name', 'subject', 'minVersion'])
      .filter((key) => before[key] !== after[key])
      .map((key) => `its ${key} is ${after[key]} instead of ${before[key]}`),
  ];
}

/** @param {ReleasedContract} contract */
const newestOf = ({ versions }) => Math.max(...Object.keys(versions).map(Number));

/**
 * @param {string} kind
 * @param {number} version
 */
const keep = (kind, version) =>
  kind === 'device message'
    ? `keep the reader of version ${version}`
    : `keep version ${version} in \`earlierVersions\` with an upcaster`;

/**
 * What the section Unreleased of the changelog announces, such as `OrderCreated 2`.
 * @param {string} changelog
 * @returns {Set<string>}
 */
export function unreleasedEntries(changelog) {
  const [, section = ''] = changelog.split(/^## Unreleased$/m);
  const [text = ''] = section.split(/^## /m);
  const entries = text.matchAll(/^- `([^`]+)`(?: version (\d+))?/gm);
  return new Set([...entries].map(([, name, version]) => entryOf(name ?? '', version)));
}

/**
 * The changelog with the entries of its section Unreleased moved to a section of their own.
 * @param {string} changelog
 * @param {string} heading such as the date of the release
 */
export function closeUnreleased(changelog, heading) {
  if (unreleasedEntries(changelog).size === 0) return changelog;
  return changelog.replace(/^## Unreleased$/m, `## Unreleased\n\n## ${heading}`);
}

/**
 * The versions that a release adds and removes.
 * @param {Release} released
 * @param {Release} current
 */
export function releaseChanges(released, current) {
  const before = versionsOf(released);
  const after = versionsOf(current);
  return [
    ...before.filter((it) => !after.includes(it)).map((it) => `- ${it}`),
    ...after.filter((it) => !before.includes(it)).map((it) => `+ ${it}`),
  ];
}

/** @param {Release} release */
const versionsOf = ({ contracts }) =>
  Object.entries(contracts).flatMap(([type, { name, versions }]) =>
    Object.keys(versions).map((version) => `${name} (${type}) version ${version}`),
  );

/**
 * @param {string} name
 * @param {number | string} [version]
 */
const entryOf = (name, version) => (version === undefined ? name : `${name} ${version}`);

/**
 * @param {string} name
 * @param {number} version
 */
const quoted = (name, version) => `"- \`${name}\` version ${version}: ..."`;

/** @param {readonly string[]} clauses */
const listOf = (clauses) =>
  clauses.length < 2
    ? clauses.join()
    : `${clauses.slice(0, -1).join(', ')} and ${clauses.at(-1) ?? ''}`;
