import type { create } from '@bufbuild/protobuf';
import type {
  Metadata,
  ServerUnaryCall,
  ServiceError,
  UntypedHandleCall,
  sendUnaryData,
} from '@grpc/grpc-js';
import { Code, MicroserviceError } from '../../core/errors';

export type Message = ReturnType<typeof create>;
export type UnaryCall = ServerUnaryCall<Message, Message>;

/** The result of a unary handler: a response with trailers, or an error status. */
export type UnaryResult =
  { response: Message; trailers?: Metadata } | { status: Partial<ServiceError> };

/** Adapts a unary handler to grpc-js. */
export function unary(handle: (call: UnaryCall) => Promise<UnaryResult>): UntypedHandleCall {
  return (call: UnaryCall, callback: sendUnaryData<Message>) => {
    handle(call).then(
      (result) => {
        if ('status' in result) callback(result.status);
        else callback(null, result.response, result.trailers);
      },
      (error: unknown) => {
        const { code, message } = toMicroserviceError(error);
        callback({ code, details: message });
      },
    );
  };
}

/** The error itself, or INTERNAL without the message of any other error. */
export function toMicroserviceError(error: unknown): MicroserviceError {
  return error instanceof MicroserviceError
    ? error
    : new MicroserviceError('internal error', Code.INTERNAL);
}
