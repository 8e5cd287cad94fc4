// @ts-check
import { isDeepStrictEqual } from 'node:util';

/** @typedef {import('zod').z.core.JSONSchema.JSONSchema} Schema */

/**
 * How the messages that a schema allows differ from those that it allowed before, apart from new
 * optional fields, which every reader ignores until it knows them. Every other difference breaks a
 * reader: of a narrowed schema the one that reads stored messages, of a widened schema the one that
 * still has the old schema. A keyword that this function does not know must therefore stay equal.
 * @param {Schema} before
 * @param {Schema} after
 * @param {string} [at] path of the value that the schemas describe
 * @returns {string[]} one clause for each difference, such as '`data.price` was removed'
 */
export function schemaChanges(before, after, at = 'data') {
  if (isUnion(before) || isUnion(after)) return unionChanges(before, after, at);
  if (!isDeepStrictEqual(before.type, after.type)) {
    return [`\`${at}\` is ${nameOf(after)} instead of ${nameOf(before)}`];
  }
  return [
    ...fieldChanges(before, after, at),
    ...itemChanges(before, after, at),
    ...valueChanges(before, after, at),
    ...keywordChanges(before, after, at),
  ];
}

/** Keywords that are compared by what they mean; any other keyword must stay equal. */
const COMPARED = ['type', 'properties', 'required', 'items', 'enum', 'const', 'anyOf', 'oneOf'];

/**
 * @param {Schema} before
 * @param {Schema} after
 * @param {string} at
 */
function fieldChanges(before, after, at) {
  const old = fieldsOf(before);
  const now = fieldsOf(after);
  const wasRequired = new Set(before.required);
  const isRequired = new Set(after.required);
  return [
    ...Object.keys(old).flatMap((name) => {
      const field = `${at}.${name}`;
      if (!(name in now)) return [`\`${field}\` was removed`];
      return [
        ...(wasRequired.has(name) && !isRequired.has(name) ? [`\`${field}\` became optional`] : []),
        ...(!wasRequired.has(name) && isRequired.has(name) ? [`\`${field}\` became required`] : []),
        ...schemaChanges(schemaIn(old, name), schemaIn(now, name), field),
      ];
    }),
    ...Object.keys(now)
      .filter((name) => !(name in old))
      .filter((name) => isRequired.has(name) || limitsUnknownFields(before))
      .map(
        (name) => `\`${at}.${name}\` was added${isRequired.has(name) ? ' and is required' : ''}`,
      ),
  ];
}

/**
 * The fields that a schema names, by its properties or only as required.
 * @param {Schema} schema
 * @returns {Record<string, unknown>}
 */
const fieldsOf = ({ required = [], properties }) => ({
  ...Object.fromEntries(required.map((name) => [name, true])),
  ...properties,
});

/** Whether a reader would check a field that it does not know. @param {Schema} schema */
const limitsUnknownFields = ({ additionalProperties = true, patternProperties }) =>
  additionalProperties !== true || patternProperties !== undefined;

/**
 * @param {Schema} before
 * @param {Schema} after
 * @param {string} at
 */
function itemChanges(before, after, at) {
  const old = before.items;
  const now = after.items;
  if (isSchema(old) && isSchema(now)) return schemaChanges(old, now, `${at}[]`);
  return isDeepStrictEqual(old, now) ? [] : [`the items of \`${at}\` changed`];
}

/**
 * @param {Schema} before
 * @param {Schema} after
 * @param {string} at
 */
function valueChanges(before, after, at) {
  const old = valuesOf(before);
  const now = valuesOf(after);
  if (old === undefined || now === undefined) {
    if (old === now) return [];
    return [now ? `\`${at}\` is limited to ${listOf(now)}` : `\`${at}\` is no longer limited`];
  }
  const removed = old.filter((value) => !now.includes(value));
  const added = now.filter((value) => !old.includes(value));
  return [
    ...(removed.length > 0 ? [`\`${at}\` can no longer be ${listOf(removed)}`] : []),
    ...(added.length > 0 ? [`\`${at}\` can also be ${listOf(added)}`] : []),
  ];
}

/**
 * @param {Schema} before
 * @param {Schema} after
 * @param {string} at
 */
function keywordChanges(before, after, at) {
  const keywords = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keywords]
    .filter((keyword) => !COMPARED.includes(keyword))
    .filter((keyword) => !isDeepStrictEqual(before[keyword], after[keyword]))
    .map((keyword) => {
      if (!(keyword in before)) return `\`${at}\` got ${keyword} ${textOf(after[keyword])}`;
      if (!(keyword in after)) return `\`${at}\` lost ${keyword} ${textOf(before[keyword])}`;
      return `${keyword} of \`${at}\` is ${textOf(after[keyword])} instead of ${textOf(before[keyword])}`;
    });
}

/**
 * Alternatives are matched by the field whose constant tells them apart, else by being equal.
 * @param {Schema} before
 * @param {Schema} after
 * @param {string} at
 * @returns {string[]}
 */
function unionChanges(before, after, at) {
  const old = alternativesOf(before);
  const now = alternativesOf(after);
  const tag = tagOf([...old, ...now]);
  /** @type {(one: Schema, other: Schema) => boolean} */
  const match = tag
    ? (one, other) => constantOf(one, tag) === constantOf(other, tag)
    : (one, other) => schemaChanges(one, other).length === 0;
  /** @param {Schema} schema */
  const label = (schema) => (tag ? `${tag}=${String(constantOf(schema, tag))}` : nameOf(schema));
  const removed = old.filter((one) => !now.some((other) => match(one, other)));
  const added = now.filter((other) => !old.some((one) => match(one, other)));
  return [
    ...(tag ? old.filter((one) => !removed.includes(one)) : []).flatMap((one) => {
      const other = now.find((it) => match(one, it)) ?? {};
      return schemaChanges(one, other, `${at}[${label(one)}]`);
    }),
    ...removed.map((one) => `\`${at}\` can no longer be ${label(one)}`),
    ...added.map((other) => `\`${at}\` can also be ${label(other)}`),
    ...(isUnion(before) && isUnion(after) ? keywordChanges(before, after, at) : []),
  ];
}

/** @param {Schema} schema */
const isUnion = (schema) => schema.anyOf !== undefined || schema.oneOf !== undefined;

/** @param {Schema} schema @returns {Schema[]} */
const alternativesOf = (schema) => (schema.oneOf ?? schema.anyOf ?? [schema]).filter(isSchema);

/**
 * The field that has a constant in each alternative, such as `mode`.
 * @param {Schema[]} alternatives
 */
const tagOf = (alternatives) =>
  Object.keys(alternatives[0]?.properties ?? {}).find((name) =>
    alternatives.every((it) => constantOf(it, name) !== undefined),
  );

/**
 * @param {Schema} schema
 * @param {string} name
 */
const constantOf = (schema, name) => schemaIn(schema.properties ?? {}, name).const;

/** @param {unknown} value @returns {value is Schema} */
const isSchema = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * @param {Record<string, unknown>} fields
 * @param {string} name
 * @returns {Schema} empty where the field may be anything
 */
function schemaIn(fields, name) {
  const schema = fields[name];
  return isSchema(schema) ? schema : {};
}

/** @param {Schema} schema */
const valuesOf = (schema) => (schema.const === undefined ? schema.enum : [schema.const]);

/** @param {Schema} schema */
const nameOf = (schema) =>
  schema.type === undefined ? textOf(schema) : [schema.type].flat().join(' or ');

/** @param {unknown} value */
const textOf = (value) => JSON.stringify(value);

/** @param {readonly unknown[]} values */
const listOf = (values) => values.map(textOf).join(' or ');
