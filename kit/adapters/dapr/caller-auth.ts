import { timingSafeEqual } from 'node:crypto';
import type { DescMethod } from '@bufbuild/protobuf';
import type { Metadata } from '@grpc/grpc-js';
import type { CallContext } from '../../core/call-context';
import { Code, MicroserviceError } from '../../core/errors';
import type { Log } from '../../core/log';
import { type PermittedCallers, UNDECLARED_CALL } from '../../security/call-permissions';
import type { UserAssertionVerifier } from '../../security/user-assertions';
import { lastText, statedCaller } from './metadata';

/** The metadata key of the token that identifies the calling service. */
export const SERVICE_TOKEN_KEY = 'x-service-token';
/** Set by the calling service's sidecar. Absent in calls that the service's own sidecar makes. */
const CALLER_KEY = 'dapr-caller-app-id';

/** Decides which service makes a call: by service tokens, or by the sidecar. */
export interface CallerIdentity {
  /**
   * The app id of the caller. `sidecarCaller` is the caller according to the sidecar, if it names one.
   * Throws UNAUTHENTICATED, or UNAVAILABLE if that cannot be decided at the moment.
   */
  verifyCaller(token: string | undefined, sidecarCaller: string | undefined): Promise<string>;
}

export interface CallerAuthOptions {
  /** The token that the sidecar must present with every call, if set. */
  readonly appToken?: string | undefined;
  readonly identity: CallerIdentity;
  /** The services that may call each method. Without it, all may call all. */
  readonly callers?: PermittedCallers | undefined;
  /** The proofs of users. */
  readonly assertions: UserAssertionVerifier;
  readonly log: Log;
}

/** Authenticates and authorizes the callers of a service's gRPC port. */
export class CallerAuth {
  constructor(private readonly options: CallerAuthOptions) {}

  /**
   * Authorizes the call of a method by a service. Returns on whose behalf it is made: a user only with an
   * assertion of the edge. Throws UNAUTHENTICATED or PERMISSION_DENIED.
   */
  async authorizeCall(
    metadata: Metadata,
    method: DescMethod,
  ): Promise<Pick<CallContext, 'caller' | 'assertion'>> {
    this.#assertAppToken(metadata);
    const { identity, assertions, log } = this.options;
    const peer = lastText(metadata, CALLER_KEY);
    try {
      const token = lastText(metadata, SERVICE_TOKEN_KEY);
      this.#assertDeclared(await identity.verifyCaller(token, peer), method);
      const { assertion, otherwise } = statedCaller(metadata);
      if (assertion === '') return { caller: otherwise, assertion };
      return { caller: await assertions.verify(assertion), assertion };
    } catch (error) {
      log.warn({ peer, method: nameOf(method), failure: String(error) }, 'call refused');
      throw error;
    }
  }

  /**
   * Authorizes a callback of the service's own sidecar: an event, binding message or job. Another service
   * could call the same methods through the sidecars and so forge events. A process that calls the internal
   * port of the sidecar without mTLS cannot be told from the sidecar: Dapr removes the metadata that would
   * show it. Throws UNAUTHENTICATED.
   */
  authorizeCallback(metadata: Metadata): void {
    this.#assertAppToken(metadata);
    if (lastText(metadata, CALLER_KEY) === undefined) return;
    throw unauthenticated("only the service's own sidecar may call this method");
  }

  #assertDeclared(caller: string, method: DescMethod): void {
    const { callers } = this.options;
    if (callers === undefined) return;
    const name = nameOf(method);
    if (callers.get(name)?.has(caller) === true) return;
    throw new MicroserviceError(
      `${caller} is not declared as a caller of ${name}`,
      Code.PERMISSION_DENIED,
      { reason: UNDECLARED_CALL },
    );
  }

  #assertAppToken(metadata: Metadata): void {
    const { appToken } = this.options;
    if (appToken === undefined) return;
    const actual = Buffer.from(lastText(metadata, 'dapr-api-token') ?? '');
    const expected = Buffer.from(appToken);
    if (actual.length === expected.length && timingSafeEqual(actual, expected)) return;
    throw unauthenticated('the API token is missing or wrong');
  }
}

/** As in components/calls.json. */
const nameOf = ({ parent, name }: DescMethod): string => `${parent.typeName}/${name}`;

function unauthenticated(message: string): MicroserviceError {
  return new MicroserviceError(message, Code.UNAUTHENTICATED);
}
