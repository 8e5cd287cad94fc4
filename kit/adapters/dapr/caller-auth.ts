import { timingSafeEqual } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import { Code, MicroserviceError } from '../../core/errors';
import type { Log } from '../../core/log';
import { UNDECLARED_CALL } from '../../security/call-permissions';
import type { ServiceTokens } from '../../security/service-tokens';

/** Where a service shows which one it is. */
export const SERVICE_TOKEN_KEY = 'x-service-token';
/** The sidecar of the service that calls adds it; what the sidecar asks of itself has none. */
const CALLER_KEY = 'dapr-caller-app-id';

/** Who is let in at a service's gRPC port. */
export class CallerAuth {
  constructor(
    /** What the sidecar must show on every call, if set. */
    private readonly appToken: string | undefined,
    /** By what services show which one they are; without, the sidecars are trusted to know. */
    private readonly tokens: ServiceTokens | undefined,
    /** Which services may call this one; without, all. */
    private readonly callers: ReadonlySet<string> | undefined,
    private readonly log: Log,
  ) {}

  /** Lets in the call of a service. Throws UNAUTHENTICATED or PERMISSION_DENIED. */
  async authorizeCall(metadata: Metadata): Promise<void> {
    this.#assertAppToken(metadata);
    const peer = text(metadata, CALLER_KEY);
    try {
      const caller =
        this.tokens === undefined
          ? peer
          : await this.tokens.verifyCaller(text(metadata, SERVICE_TOKEN_KEY), peer);
      this.#assertDeclared(caller);
    } catch (error) {
      this.log.warn({ peer, failure: String(error) }, 'a call was turned away');
      throw error;
    }
  }

  /**
   * Lets in what the sidecar beside this service gives: events, messages, jobs. Through sidecars
   * another service could call the same methods, and so give events of its own making. Throws
   * UNAUTHENTICATED.
   */
  authorizeCallback(metadata: Metadata): void {
    this.#assertAppToken(metadata);
    if (text(metadata, CALLER_KEY) === undefined) return;
    throw unauthenticated('only the sidecar beside this service may ask for that');
  }

  #assertDeclared(caller: string | undefined): void {
    if (this.callers === undefined || (caller !== undefined && this.callers.has(caller))) return;
    throw new MicroserviceError(
      `${caller ?? 'who calls'} does not declare that it calls this service`,
      Code.PERMISSION_DENIED,
      { reason: UNDECLARED_CALL },
    );
  }

  #assertAppToken(metadata: Metadata): void {
    const { appToken } = this;
    if (appToken === undefined) return;
    const [left, right] = [
      Buffer.from(text(metadata, 'dapr-api-token') ?? ''),
      Buffer.from(appToken),
    ];
    if (left.length === right.length && timingSafeEqual(left, right)) return;
    throw unauthenticated('the api token is missing or wrong');
  }
}

/** Where there are several, the last is the nearest sidecar's. */
function text(metadata: Metadata, name: string): string | undefined {
  const value = metadata.get(name).at(-1);
  return typeof value === 'string' ? value : undefined;
}

function unauthenticated(message: string): MicroserviceError {
  return new MicroserviceError(message, Code.UNAUTHENTICATED);
}
