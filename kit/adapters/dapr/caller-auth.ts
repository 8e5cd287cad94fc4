import { timingSafeEqual } from 'node:crypto';
import type { DescMethod } from '@bufbuild/protobuf';
import type { Metadata } from '@grpc/grpc-js';
import { Code, MicroserviceError } from '../../core/errors';
import type { Log } from '../../core/log';
import { type PermittedCallers, UNDECLARED_CALL } from '../../security/call-permissions';
import type { ServiceTokens } from '../../security/service-tokens';

/** The metadata key of the token that identifies the calling service. */
export const SERVICE_TOKEN_KEY = 'x-service-token';
/** Set by the calling service's sidecar. Absent in calls that the service's own sidecar makes. */
const CALLER_KEY = 'dapr-caller-app-id';

/** Authenticates and authorizes the callers of a service's gRPC port. */
export class CallerAuth {
  constructor(
    /** The token that the sidecar must present with every call, if set. */
    private readonly appToken: string | undefined,
    /**
     * The tokens that identify calling services. Without them, the app id that the sidecar names is
     * trusted.
     */
    private readonly tokens: ServiceTokens | undefined,
    /** The services that may call each method. Without it, all may call all. */
    private readonly callers: PermittedCallers | undefined,
    private readonly log: Log,
  ) {}

  /**
   * Authorizes the call of a method by a service. Throws UNAUTHENTICATED or PERMISSION_DENIED.
   */
  async authorizeCall(metadata: Metadata, method: DescMethod): Promise<void> {
    this.#assertAppToken(metadata);
    const peer = text(metadata, CALLER_KEY);
    try {
      const caller =
        this.tokens === undefined
          ? peer
          : await this.tokens.verifyCaller(text(metadata, SERVICE_TOKEN_KEY), peer);
      this.#assertDeclared(caller, method);
    } catch (error) {
      this.log.warn({ peer, method: nameOf(method), failure: String(error) }, 'call refused');
      throw error;
    }
  }

  /**
   * Authorizes a callback of the service's own sidecar: an event, binding message or job. Another service
   * could call the same methods through the sidecars and so forge events. Throws UNAUTHENTICATED.
   */
  authorizeCallback(metadata: Metadata): void {
    this.#assertAppToken(metadata);
    if (text(metadata, CALLER_KEY) === undefined) return;
    throw unauthenticated("only the service's own sidecar may call this method");
  }

  #assertDeclared(caller: string | undefined, method: DescMethod): void {
    if (this.callers === undefined) return;
    const name = nameOf(method);
    if (caller !== undefined && this.callers.get(name)?.has(caller) === true) return;
    throw new MicroserviceError(
      `${caller ?? 'an unidentified caller'} is not declared as a caller of ${name}`,
      Code.PERMISSION_DENIED,
      { reason: UNDECLARED_CALL },
    );
  }

  #assertAppToken(metadata: Metadata): void {
    const { appToken } = this;
    if (appToken === undefined) return;
    const actual = Buffer.from(text(metadata, 'dapr-api-token') ?? '');
    const expected = Buffer.from(appToken);
    if (actual.length === expected.length && timingSafeEqual(actual, expected)) return;
    throw unauthenticated('the API token is missing or wrong');
  }
}

/** As in components/calls.json. */
const nameOf = ({ parent, name }: DescMethod): string => `${parent.typeName}/${name}`;

/** The last value of the key: that of the nearest sidecar. */
function text(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key).at(-1);
  return typeof value === 'string' ? value : undefined;
}

function unauthenticated(message: string): MicroserviceError {
  return new MicroserviceError(message, Code.UNAUTHENTICATED);
}
