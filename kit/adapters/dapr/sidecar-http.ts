import { Pool } from 'undici';
import { Code, MicroserviceError } from '../../core/errors';
import type { EndpointRequest } from '../../transport/sidecar';
import { type HttpResponse, exchange } from './http-exchange';
import type { SidecarAddress } from './sidecar-address';

const JSON_TYPE = 'application/json';

/** The HTTP API of a sidecar. */
export class SidecarHttp {
  readonly #pool: Pool;
  readonly #headers: Record<string, string>;

  constructor(private readonly address: SidecarAddress) {
    const { host, httpPort, apiToken } = address;
    this.#pool = new Pool(`http://${host}:${String(httpPort)}`, {
      connections: 100,
      keepAliveTimeout: 90_000,
      connect: { timeout: 2_000 },
    });
    this.#headers = apiToken === undefined ? {} : { 'dapr-api-token': apiToken };
  }

  /** Sends a request. Throws UNAVAILABLE or DEADLINE_EXCEEDED if there is no response. */
  async request(
    method: EndpointRequest['method'],
    path: string,
    timeout: number,
    body?: string,
    contentType = JSON_TYPE,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<HttpResponse> {
    if (timeout <= 0) throw noTimeLeft();
    try {
      return await exchange(this.#pool, {
        method,
        path,
        headers: {
          ...headers,
          ...this.#headers,
          ...(body === undefined ? {} : { 'content-type': contentType }),
        },
        ...(body === undefined ? {} : { body }),
        headersTimeout: timeout,
        bodyTimeout: timeout,
      });
    } catch (error) {
      throw exchangeError(error, this.address);
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** Throws if the sidecar responded with an error status. `operation` describes what failed. */
export function assertOk(operation: string, status: number, body: string): void {
  if (status < 300) return;
  // the sidecar's message names components and hosts, never the data
  const message = `${operation} failed: ${body.slice(0, 300)}`;
  const code = status >= 500 || status === 429 ? Code.UNAVAILABLE : Code.INTERNAL;
  throw new MicroserviceError(message, code, { reason: 'sidecar', status });
}

export function noTimeLeft(): MicroserviceError {
  return new MicroserviceError('no time is left', Code.DEADLINE_EXCEEDED);
}

function exchangeError(error: unknown, { httpPort }: SidecarAddress): MicroserviceError {
  const name = error instanceof Error && 'code' in error ? String(error.code) : '';
  const options = { cause: error };
  if (name === 'UND_ERR_HEADERS_TIMEOUT' || name === 'UND_ERR_BODY_TIMEOUT') {
    const message = 'the sidecar did not answer in time';
    return new MicroserviceError(message, Code.DEADLINE_EXCEEDED, { reason: 'timeout' }, options);
  }
  const message = `the sidecar on port ${String(httpPort)} cannot be reached`;
  return new MicroserviceError(message, Code.UNAVAILABLE, { reason: 'sidecar' }, options);
}
