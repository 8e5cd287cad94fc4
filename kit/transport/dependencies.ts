import type { DescMethodServerStreaming, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import type { CloudEvent } from '../messages/cloud-event';
import type {
  CallRequest,
  CallResponse,
  EndpointRequest,
  EndpointResponse,
  JobRequest,
  Sidecar,
  StoredValue,
  StreamRequest,
} from './sidecar';

/** The names of dependencies that every service has. Others are app ids, bindings and endpoints. */
export const STATE = 'state';
export const BUS = 'bus';
const JOBS = 'jobs';

/** Beside the errors and not in them: an error that crosses a process boundary must not carry it. */
const failed = new WeakMap<object, string>();

/**
 * The dependency at which an error arose: `state`, `bus`, `jobs`, an app id, a binding or an endpoint.
 * Undefined if it did not arise at a dependency.
 */
export function dependencyOf(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    const name = failed.get(current);
    if (name !== undefined) return name;
  }
  return undefined;
}

/** A sidecar that notes at each error which dependency failed: see `dependencyOf`. */
export class NamingSidecar implements Sidecar {
  constructor(private readonly sidecar: Sidecar) {}

  load(key: string, timeout: number): Promise<StoredValue | undefined> {
    return named(STATE, this.sidecar.load(key, timeout));
  }

  loadMany(keys: readonly string[], timeout: number): Promise<ReadonlyMap<string, StoredValue>> {
    return named(STATE, this.sidecar.loadMany(keys, timeout));
  }

  save(
    key: string,
    value: unknown,
    etag: string | undefined,
    timeout: number,
    ttlSeconds?: number,
  ): Promise<boolean> {
    return named(STATE, this.sidecar.save(key, value, etag, timeout, ttlSeconds));
  }

  delete(key: string, timeout: number): Promise<void> {
    return named(STATE, this.sidecar.delete(key, timeout));
  }

  publish(event: CloudEvent, timeout: number): Promise<void> {
    return named(BUS, this.sidecar.publish(event, timeout));
  }

  publishAll(events: readonly CloudEvent[], timeout: number): Promise<void> {
    return named(BUS, this.sidecar.publishAll(events, timeout));
  }

  call<M extends DescMethodUnary>(call: CallRequest<M>): Promise<CallResponse<M>> {
    return named(call.appId, this.sidecar.call(call));
  }

  async *stream<M extends DescMethodServerStreaming>(
    call: StreamRequest<M>,
  ): AsyncIterable<MessageShape<M['output']>> {
    try {
      yield* this.sidecar.stream(call);
    } catch (error) {
      throw noted(call.appId, error);
    }
  }

  send(
    binding: string,
    operation: string,
    data: unknown,
    metadata: Readonly<Record<string, string>>,
    timeout: number,
  ): Promise<void> {
    return named(binding, this.sidecar.send(binding, operation, data, metadata, timeout));
  }

  request(endpoint: string, request: EndpointRequest, timeout: number): Promise<EndpointResponse> {
    return named(endpoint, this.sidecar.request(endpoint, request, timeout));
  }

  schedule(job: JobRequest, timeout: number): Promise<void> {
    return named(JOBS, this.sidecar.schedule(job, timeout));
  }

  unschedule(name: string, timeout: number): Promise<void> {
    return named(JOBS, this.sidecar.unschedule(name, timeout));
  }
}

async function named<T>(dependency: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    throw noted(dependency, error);
  }
}

function noted(dependency: string, error: unknown): unknown {
  if (error instanceof Error && !failed.has(error)) failed.set(error, dependency);
  return error;
}
