import type { DescMethodServerStreaming, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import type { CallContext } from '../core/call-context';
import type { Clock } from '../core/clock';
import { Code, MicroserviceError } from '../core/errors';
import { Execution } from '../core/execution';
import type { Log } from '../core/log';
import type { Metrics } from '../core/metrics';
import type { IdempotencyStore } from '../delivery/idempotency-store';
import type { Context } from '../service/context';
import type { Definition } from '../service/definition';
import type { Handler, StreamHandler } from '../service/handlers';
import type { AnyService } from '../service/service';
import type { CallResponse } from '../transport/sidecar';
import type { Lifecycle } from './lifecycle';

/** The longest stream, in milliseconds. A client that still listens starts another. */
export const MAX_STREAM_MS = 300_000;

interface DispatcherDeps {
  service: AnyService;
  lifecycle: Lifecycle;
  idempotency: IdempotencyStore;
  open: (execution: Execution) => Context<Definition>;
  clock: Clock;
  log: Log;
  metrics: Metrics;
}

/** Handles gRPC calls of the service's methods. */
export class CallDispatcher {
  constructor(private readonly deps: DispatcherDeps) {}

  /** Handles a unary call. Throws a MicroserviceError for any failure. */
  async handleCall<M extends DescMethodUnary>(
    method: M,
    request: MessageShape<M['input']>,
    callContext: CallContext,
  ): Promise<CallResponse<M>> {
    const { service, lifecycle, open, clock, metrics, log } = this.deps;
    const handle = service.methods.get(method.localName) as Handler | undefined;
    if (handle === undefined) throw unimplemented(method);
    const name = `${method.parent.typeName}/${method.name}`;
    // the client's Idempotency-Key and condition are for this call, not for the calls that its handler makes
    const { precondition, ...passedOn } = callContext;
    const ownContext = { ...passedOn, hasIdempotencyKey: false };
    const execution = new Execution(ownContext, clock, false, clock.now(), undefined, precondition);
    return lifecycle.run(async () => {
      const started = performance.now();
      let code = Code.OK;
      try {
        lifecycle.assertNotStopping();
        execution.assertBeforeDeadline();
        // the handler's return type was derived from this method
        const work = () => handle(request, open(execution)) as Promise<MessageShape<M['output']>>;
        const response = await this.withIdempotencyKey(method, request, callContext, work);
        return { response, published: execution.published };
      } catch (error) {
        const thrown = toMicroserviceError(error, log, callContext, name);
        code = thrown.code;
        throw thrown;
      } finally {
        const duration = performance.now() - started;
        metrics.rpcs.inc({ method: name, code: Code[code] });
        metrics.rpcDuration.observe({ method: name }, duration / 1000);
        const { correlationId, requestId } = callContext;
        const line = { correlationId, requestId, method: name, code: Code[code], duration };
        log.info(line, 'call handled');
      }
    });
  }

  /**
   * Handles a call that returns a stream of messages. It ends when its handler ends, the client no
   * longer listens, the process stops, or after MAX_STREAM_MS. Throws a MicroserviceError for any failure.
   */
  async *handleStream<M extends DescMethodServerStreaming>(
    method: M,
    request: MessageShape<M['input']>,
    callContext: CallContext,
    cancelled: AbortSignal,
  ): AsyncIterable<MessageShape<M['output']>> {
    const { service, lifecycle, open, clock, metrics, log } = this.deps;
    const handle = service.methods.get(method.localName) as StreamHandler | undefined;
    const name = `${method.parent.typeName}/${method.name}`;
    const signal = AbortSignal.any([cancelled, lifecycle.stopSignal]);
    const deadline = clock.now() + MAX_STREAM_MS;
    const execution = new Execution({ ...callContext, deadline }, clock);
    let code = Code.OK;
    try {
      if (handle === undefined) throw unimplemented(method);
      lifecycle.assertNotStopping();
      for await (const message of handle(request, open(execution), signal)) {
        if (signal.aborted) return;
        // the handler's return type was derived from this method
        yield message as MessageShape<M['output']>;
      }
    } catch (error) {
      if (signal.aborted) return;
      const thrown = toMicroserviceError(error, log, callContext, name);
      code = thrown.code;
      throw thrown;
    } finally {
      metrics.rpcs.inc({ method: name, code: Code[code] });
    }
  }

  /** Runs work, or returns the stored response of the same Idempotency-Key: see IdempotencyStore. */
  async withIdempotencyKey<M extends DescMethodUnary>(
    method: M,
    request: MessageShape<M['input']>,
    callContext: CallContext,
    work: () => Promise<MessageShape<M['output']>>,
  ): Promise<MessageShape<M['output']>> {
    if (!callContext.hasIdempotencyKey) return work();
    const { idempotency, clock } = this.deps;
    return idempotency.run(method, request, new Execution(callContext, clock), work);
  }
}

function unimplemented({ name }: DescMethodUnary | DescMethodServerStreaming): MicroserviceError {
  return new MicroserviceError(`${name} is not implemented by this service`, Code.UNIMPLEMENTED);
}

/**
 * The error to return to a client. An unexpected error is logged and becomes INTERNAL without its
 * message.
 */
export function toMicroserviceError(
  error: unknown,
  log: Log,
  { correlationId, requestId }: CallContext,
  method: string,
): MicroserviceError {
  if (error instanceof MicroserviceError) return error;
  log.child({ correlationId, requestId }).error({ method, err: error }, 'unexpected error');
  return new MicroserviceError('internal error', Code.INTERNAL);
}
