// @ts-check
import { z } from 'zod';

/**
 * JSON Schema 2020-12 of a message as its subscribers must read it: unknown fields are allowed.
 * @param {z.ZodType} schema
 * @param {{ io?: 'input' | 'output', annotations?: boolean }} [options]
 *   `io`: before or after defaults and transforms; `annotations`: whether to keep descriptions
 */
export function jsonSchema(schema, { io = 'output', annotations = true } = {}) {
  const json = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema }) => {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      if (annotations) return;
      delete jsonSchema.title;
      delete jsonSchema.description;
      delete jsonSchema.examples;
      delete jsonSchema.deprecated;
    },
  });
  delete json.$schema;
  return json;
}
