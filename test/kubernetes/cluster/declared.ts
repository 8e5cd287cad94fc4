import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { inProject } from '../../../scripts/start/project.mjs';

// What the services declare, as `npm run docs` has generated it from their definitions.

const Calls = z.object({
  services: z.record(z.string(), z.record(z.string(), z.array(z.string()))),
});

/** The methods that each service calls, by the service that serves them. */
export const calls = (): Record<string, Record<string, string[]>> =>
  Calls.parse(read('components', 'calls.json')).services;

const Table = z.object({
  services: z.record(
    z.string(),
    z.object({
      httpPort: z.int(),
      ingestPort: z.int().default(0),
      jobs: z.boolean(),
      publishes: z.array(z.string()),
      subscribes: z.array(z.string()),
      bindings: z.array(z.string()),
      endpoints: z.array(z.string()),
    }),
  ),
});
export type ServiceRow = z.output<typeof Table>['services'][string];

/** The services of the chart, and what each of them uses. */
export const services = (): Record<string, ServiceRow> =>
  Table.parse(read('deploy', 'chart', 'files', 'services.json')).services;

const read = (...path: string[]): unknown => JSON.parse(readFileSync(inProject(...path), 'utf8'));
