import type { AnyService } from '#kit/service/service';
import { callsOf, publishersOf } from '../../scripts/docs/components.mjs';
import type { AppSpec } from './start-apps';

type DeclaredSpec = AppSpec & Required<Pick<AppSpec, 'calls' | 'publishes'>>;

/** The apps of services that run inside the test: each calls and publishes what its definition says. */
export function appsOf(services: readonly AnyService[]): DeclaredSpec[] {
  const publishers = publishersOf(services);
  return services.map((service) => ({
    appId: service.name,
    calls: callsOf(service),
    publishes: publishers[service.name] ?? [],
  }));
}
