/**
 * Deadline of one request to the payment provider: card networks respond within two seconds. A call of
 * this service makes one request only, so that its caller learns in time that the outcome is unknown.
 * components/resiliency.yaml has the same value for the provider.
 */
export const PROVIDER_MS = 2_500;
