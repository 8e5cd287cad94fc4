import { z } from 'zod';

export const HealthStatus = z.enum(['healthy', 'degraded', 'unhealthy']);
export type HealthStatus = z.output<typeof HealthStatus>;

/** Response of GET /health. */
export const HealthSummary = z.object({ status: HealthStatus });

const ServiceHealth = z.object({
  service: z.string(),
  status: HealthStatus,
  latency: z.number().meta({
    description: 'Milliseconds until the probe was answered or timed out',
  }),
  since: z.string().meta({ format: 'date-time', description: 'Time of the last status change' }),
  version: z.string().optional(),
  instances: z
    .array(
      z.object({
        instance: z.string(),
        version: z.string(),
        startedAt: z.string().meta({ format: 'date-time' }).optional(),
      }),
    )
    .meta({ description: 'Processes that answered a probe in the last five minutes' }),
  faults: z.array(z.string()).meta({ description: 'Names of the failed checks' }).optional(),
});
export type ServiceHealth = z.output<typeof ServiceHealth>;

/** Response of GET /health/detailed. */
export const HealthReport = z.object({ status: HealthStatus, services: z.array(ServiceHealth) });
export type HealthReport = z.output<typeof HealthReport>;
