import {
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  type create,
  fromBinary,
  toBinary,
} from '@bufbuild/protobuf';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';

type Message = ReturnType<typeof create>;
export type UnaryDefinition = MethodDefinition<Message, Message>;

const cachedDefinitions = new WeakMap<DescMethodUnary, UnaryDefinition>();

/** The grpc-js definition of a protobuf method. Cached, because every call needs it. */
export function unaryDefinition(method: DescMethodUnary): UnaryDefinition {
  const cached = cachedDefinitions.get(method);
  if (cached !== undefined) return cached;
  const created = definition(method);
  cachedDefinitions.set(method, created);
  return created;
}

export function streamDefinition(method: DescMethodServerStreaming): UnaryDefinition {
  return { ...definition(method), responseStream: true };
}

function definition(method: DescMethod): UnaryDefinition {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message) => asBuffer(toBinary(method.input, message)),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: (message) => asBuffer(toBinary(method.output, message)),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
  };
}

/** The grpc-js definition of a protobuf service, without methods that a client streams. */
export function grpcDefinition(service: DescService): ServiceDefinition {
  return Object.fromEntries([
    ...unaryMethods(service).map((method) => [method.localName, unaryDefinition(method)]),
    ...streamMethods(service).map((method) => [method.localName, streamDefinition(method)]),
  ]) as ServiceDefinition; // fromEntries loses the value type of the two lists
}

export function streamMethods(service: DescService): DescMethodServerStreaming[] {
  return service.methods.filter(
    (method): method is DescMethodServerStreaming => method.methodKind === 'server_streaming',
  );
}

export function unaryMethods(service: DescService): DescMethodUnary[] {
  return service.methods.filter(
    (method): method is DescMethodUnary => method.methodKind === 'unary',
  );
}

/** A buffer over the same bytes, without a copy. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
