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
export type Call = ServerUnaryCall<Message, Message>;

export type UnaryResult =
  { response: Message; trailers?: Metadata } | { status: Partial<ServiceError> };

/** A handler in the terms of grpc-js. */
export function unary(handle: (call: Call) => Promise<UnaryResult>): UntypedHandleCall {
  return (call: Call, done: sendUnaryData<Message>) => {
    handle(call).then(
      (answered) => {
        if ('status' in answered) done(answered.status);
        else done(null, answered.response, answered.trailers);
      },
      (error: unknown) => {
        const { code, message } = toMicroserviceError(error);
        done({ code, details: message });
      },
    );
  };
}

export function toMicroserviceError(error: unknown): MicroserviceError {
  return error instanceof MicroserviceError
    ? error
    : new MicroserviceError('internal error', Code.INTERNAL);
}
