import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { inProject } from '../../scripts/start/project.mjs';

const Env = z.record(z.string(), z.coerce.string()).default({});
const Protocol = z.enum(['grpc', 'http']);

/** The parts of dapr.yaml that the harness reads. */
const RunFile = z.object({
  common: z.object({
    resourcesPaths: z.array(z.string()),
    configFilePath: z.string(),
    appProtocol: Protocol,
    env: Env,
  }),
  apps: z.array(
    z.object({
      appID: z.string(),
      appDirPath: z.string(),
      configFilePath: z.string(),
      appProtocol: Protocol.optional(),
      /** Absent where the app simulates an external endpoint, which no sidecar calls. */
      appPort: z.int().optional(),
      command: z.tuple([z.string()], z.string()),
      env: Env,
    }),
  ),
});
export type RunFile = z.infer<typeof RunFile>;

export const readRunFile = (): RunFile =>
  RunFile.parse(parse(readFileSync(inProject('dapr.yaml'), 'utf8')));
