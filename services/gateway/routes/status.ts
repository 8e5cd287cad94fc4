import { HealthReport, HealthSummary } from '../backends/health-report';
import {
  GatewayStatus,
  ServiceNames,
  getDetailedHealth,
  getGatewayStatus,
  getHealth,
  getServices,
} from '../handlers/status';
import { type Route, local } from './types';

/** What the gateway reports about itself and the services behind it. */
export const statusRoutes: readonly Route[] = [
  local('/health', getHealth, HealthSummary),
  local('/health/detailed', getDetailedHealth, HealthReport),
  local('/gateway/status', getGatewayStatus, GatewayStatus),
  local('/gateway/services', getServices, ServiceNames),
];
