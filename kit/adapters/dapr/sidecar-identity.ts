import { setTimeout as wait } from 'node:timers/promises';
import { OperationsService } from '#proto/retail/operations/v1/operations_pb';
import { create } from '@bufbuild/protobuf';
import { newCallContext } from '../../core/call-context';
import type { Clock } from '../../core/clock';
import { Code, MicroserviceError, unavailable } from '../../core/errors';
import type { Log } from '../../core/log';
import { UNDECLARED_CALL } from '../../security/call-permissions';
import type { Sidecar } from '../../transport/sidecar';
import type { CallerIdentity } from './caller-auth';
import { DENIED_BY_SIDECAR } from './status';

const RETRY_MS = 1_000;
const PROBE_MS = 2_000;

/**
 * Believes the sidecar about which service makes a call (mTLS). A sidecar without an access list lets in
 * every process that reaches its port, under any name. So nothing is believed until the sidecar has been
 * seen to refuse a call without an identity: one of the service to itself.
 */
export class SidecarIdentity implements CallerIdentity {
  #isProven = false;

  /** Whether the sidecar refuses calls without an identity. */
  get isProven(): boolean {
    return this.#isProven;
  }

  verifyCaller(_token: string | undefined, sidecarCaller: string | undefined): Promise<string> {
    if (sidecarCaller === undefined) {
      return Promise.reject(undeclared('a call must come from the sidecar of another service'));
    }
    if (this.#isProven) return Promise.resolve(sidecarCaller);
    return Promise.reject(unavailable('the access list of the sidecar is not known to be on'));
  }

  /**
   * Calls the service itself until its sidecar refuses that. Resolves then, or when `stopped` is aborted.
   */
  async prove(
    service: string,
    sidecar: Pick<Sidecar, 'call'>,
    { clock, log, stopped }: { clock: Clock; log: Log; stopped: AbortSignal },
  ): Promise<void> {
    let isReported = false;
    while (!stopped.aborted) {
      const outcome = await outcomeOfOwnCall(service, sidecar, clock);
      this.#isProven = outcome === 'refused by the sidecar';
      if (this.#isProven) return;
      if (outcome === 'let in' && !isReported) {
        isReported = true;
        log.error(
          'SERVICE_IDENTITY is sidecar, but the sidecar has no access list: calls are refused',
        );
      }
      await wait(RETRY_MS, undefined, { ref: false, signal: stopped }).catch(() => undefined);
    }
  }
}

async function outcomeOfOwnCall(
  service: string,
  sidecar: Pick<Sidecar, 'call'>,
  clock: Clock,
): Promise<'refused by the sidecar' | 'let in' | 'unknown'> {
  const method = OperationsService.method.getStatus;
  const callContext = newCallContext(clock, { deadline: clock.now() + PROBE_MS });
  try {
    await sidecar.call({ appId: service, method, request: create(method.input), callContext });
    return 'let in';
  } catch (error) {
    const reason = error instanceof MicroserviceError ? error.details.reason : undefined;
    if (reason === DENIED_BY_SIDECAR) return 'refused by the sidecar';
    return reason === UNDECLARED_CALL ? 'let in' : 'unknown';
  }
}

function undeclared(message: string): MicroserviceError {
  return new MicroserviceError(message, Code.PERMISSION_DENIED, { reason: UNDECLARED_CALL });
}
