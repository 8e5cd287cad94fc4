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

const known = new WeakMap<DescMethodUnary, UnaryDefinition>();

/** A protobuf method in the terms of grpc-js. Made once, as every call needs it. */
export function unaryDefinition(method: DescMethodUnary): UnaryDefinition {
  const made = known.get(method) ?? definition(method);
  known.set(method, made);
  return made;
}

export function streamDefinition(method: DescMethodServerStreaming): UnaryDefinition {
  return { ...definition(method), responseStream: true };
}

function definition(method: DescMethod): UnaryDefinition {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message) => inBuffer(toBinary(method.input, message)),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: (message) => inBuffer(toBinary(method.output, message)),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
  };
}

/** A protobuf service in the terms of grpc-js; nothing that a client streams. */
export function grpcDefinition(service: DescService): ServiceDefinition {
  return Object.fromEntries([
    ...unaryMethods(service).map((method) => [method.localName, unaryDefinition(method)]),
    ...streamMethods(service).map((method) => [method.localName, streamDefinition(method)]),
  ]) as ServiceDefinition; // entries of two lists lose the type of their values
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

/** The same bytes, not a copy. */
function inBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
