import { z } from 'zod';
import { Code, MicroserviceError } from '../../core/errors';
import type { EndpointResponse } from '../../transport/sidecar';

/** What the sidecar answers in the endpoint's stead: always as 500, with a text that tells why. */
const NotAsked = z.object({ errorCode: z.literal('ERR_DIRECT_INVOKE'), message: z.string() });

/** The endpoint's own answer, or what kept the sidecar from getting one. */
export function endpointResponse(
  endpoint: string,
  { status, body }: { status: number; body: string },
): EndpointResponse {
  const read = json(body);
  const { data: failure } = NotAsked.safeParse(read);
  if (status !== 500 || failure === undefined) return { status, body: read };
  // the text holds the URL that was asked, which is no one's to read
  const { message } = failure;
  if (message.includes('circuit breaker is open')) {
    throw new MicroserviceError(
      `${endpoint} is not asked: its circuit breaker is open`,
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

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
