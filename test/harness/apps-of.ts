import type { AnyService } from '#kit/service/service';
import { publishersOf } from '../../scripts/docs/components.mjs';
import type { AppSpec } from './start-apps';

/** The apps of services that run inside the test: each publishes what its definition says. */
export function appsOf(services: readonly AnyService[]): (AppSpec & { publishes: string[] })[] {
  const publishers = publishersOf(services);
  return services.map(({ name }) => ({ appId: name, publishes: publishers[name] ?? [] }));
}
