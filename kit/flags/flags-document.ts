import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { describeErrors, parseWith } from '../core/schema-errors';

// The SDK does not validate the document: a misspelt operator or feature name would never match, and a
// missing field fails during evaluation. So the document is validated here, before it is used.

const OPERATORS = [
  'EQUAL',
  'NOT_EQUAL',
  'GREATER_THAN',
  'GREATER_THAN_INCLUSIVE',
  'LESS_THAN',
  'LESS_THAN_INCLUSIVE',
  'CONTAINS',
  'NOT_CONTAINS',
  'REGEX',
  'PERCENTAGE_SPLIT',
  'IS_SET',
  'IS_NOT_SET',
  'MODULO',
  'IN',
] as const;

const Condition = z.object({
  operator: z.enum(OPERATORS),
  /** The trait; absent for a split over identities. */
  property_: z.string().nullish(),
  value: z.union([z.string(), z.array(z.string())]).nullish(),
});

const Rule = z.object({
  type: z.enum(['ALL', 'ANY', 'NONE']),
  conditions: z.array(Condition),
  get rules() {
    return z.array(Rule);
  },
});

const Value = z.union([z.string(), z.number(), z.boolean()]).nullable();

const State = z
  .object({
    // the SDK treats 0 as a missing id
    feature: z.object({ id: z.int().min(1), name: z.string().min(1), type: z.string() }),
    enabled: z.boolean(),
    feature_state_value: Value,
    django_id: z.int().nullish(),
    featurestate_uuid: z.string().optional(),
    feature_segment: z.object({ priority: z.int() }).nullish(),
    multivariate_feature_state_values: z
      .array(
        z.object({
          id: z.int().nullish(),
          percentage_allocation: z.number().min(0).max(100),
          multivariate_feature_option: z.object({ value: Value }),
        }),
      )
      .default([]),
  })
  .refine((state) => (state.django_id ?? state.featurestate_uuid) !== undefined, {
    path: ['django_id'],
    message: 'is missing: without it each process would split the identities differently',
  });

const Environment = z
  .object({
    id: z.int(),
    api_key: z.string().min(1),
    name: z.string(),
    project: z.object({
      id: z.int(),
      name: z.string(),
      hide_disabled_flags: z.boolean(),
      organisation: z.object({ id: z.int(), name: z.string() }),
      segments: z
        .array(
          z.object({
            id: z.int(),
            name: z.string(),
            rules: z.array(Rule),
            feature_states: z.array(State),
          }),
        )
        .default([]),
    }),
    feature_states: z.array(State),
    identity_overrides: z
      .array(z.object({ identifier: z.string().min(1), identity_features: z.array(State) }))
      .default([]),
  })
  .superRefine((environment, context) => {
    const featureNames = new Set(environment.feature_states.map(({ feature }) => feature.name));
    const check = (states: z.output<typeof State>[], path: PropertyKey[]) => {
      states.forEach(({ feature }, index) => {
        if (featureNames.has(feature.name)) return;
        const at = [...path, index, 'feature', 'name'];
        context.addIssue({ code: 'custom', path: at, message: 'is not in feature_states' });
      });
    };
    environment.project.segments.forEach(({ feature_states }, index) => {
      check(feature_states, ['project', 'segments', index, 'feature_states']);
    });
    environment.identity_overrides.forEach(({ identity_features }, index) => {
      check(identity_features, ['identity_overrides', index, 'identity_features']);
    });
  });

/**
 * Validates the text of a Flagsmith environment document. Throws an Error that names the file and its
 * errors.
 */
export function validateFlagsDocument(file: string, text: string): void {
  const { errors } = parseWith(Environment, parseJson(file, text));
  if (errors !== undefined) {
    throw new Error(`flags file ${file}: ${describeErrors(errors, 'the document', 5)}`);
  }
}

/** The text of the file. Throws an Error that names the file if it cannot be read. */
export function readFlagsFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`flags file ${file} cannot be read`, { cause });
  }
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`flags file ${file} is not JSON`, { cause });
  }
}
