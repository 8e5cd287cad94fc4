import { z } from 'zod';
import { Code, MicroserviceError } from '../../core/errors';
import type { EndpointResponse } from '../../transport/sidecar';

/**
 * The body of the sidecar's own response if it could not invoke the endpoint. Its status is always
 * 500.
 */
const InvocationFailure = z.object({
  errorCode: z.literal('ERR_DIRECT_INVOKE'),
  message: z.string(),
});

/**
 * The response of an endpoint. Throws UNAVAILABLE or DEADLINE_EXCEEDED if the sidecar got no response.
 * The errors do not contain the sidecar's message, because it contains the URL.
 */
export function endpointResponse(
  endpoint: string,
  { status, body }: { status: number; body: string },
): EndpointResponse {
  const parsed = parseJson(body);
  const { data: failure } = InvocationFailure.safeParse(parsed);
  if (status !== 500 || failure === undefined) return { status, body: parsed };
  const { message } = failure;
  if (message.includes('circuit breaker is open')) {
    throw new MicroserviceError(
      `${endpoint} was not called: its circuit breaker is open`,
      Code.UNAVAILABLE,
      { reason: 'circuit_open' },
    );
  }
  if (message.includes('context deadline exceeded')) {
    throw new MicroserviceError(`${endpoint} did not answer in time`, Code.DEADLINE_EXCEEDED, {
      reason: 'timeout',
    });
  }
  throw new MicroserviceError(`${endpoint} cannot be reached`, Code.UNAVAILABLE, {
    reason: 'unreachable',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
