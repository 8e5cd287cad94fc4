// What `npm run generate` would write for the service of new-service.test.ts, without its comments:
//
// syntax = "proto3";
// package retail.loyalty.v1;
// service LoyaltyService { rpc GetAccount(GetAccountRequest) returns (Account); }
// message GetAccountRequest { string user_id = 1; }
// message Account { int32 points = 1; }
import type { Message } from '@bufbuild/protobuf';
import type { GenFile, GenMessage, GenService } from '@bufbuild/protobuf/codegenv2';
import { fileDesc, messageDesc, serviceDesc } from '@bufbuild/protobuf/codegenv2';

const file: GenFile = fileDesc(
  'Ch9yZXRhaWwvbG95YWx0eS92MS9sb3lhbHR5LnByb3RvEhFyZXRhaWwubG95YWx0eS52MSIkChFHZXRBY2NvdW50UmVxdWVzdBIPCgd1c2VyX2lkGAEgASgJIhkKB0FjY291bnQSDgoGcG9pbnRzGAEgASgFMmAKDkxveWFsdHlTZXJ2aWNlEk4KCkdldEFjY291bnQSJC5yZXRhaWwubG95YWx0eS52MS5HZXRBY2NvdW50UmVxdWVzdBoaLnJldGFpbC5sb3lhbHR5LnYxLkFjY291bnRiBnByb3RvMw',
);

type GetAccountRequest = Message<'retail.loyalty.v1.GetAccountRequest'> & { userId: string };
export const GetAccountRequestSchema: GenMessage<GetAccountRequest> = messageDesc(file, 0);

type Account = Message<'retail.loyalty.v1.Account'> & { points: number };
export const AccountSchema: GenMessage<Account> = messageDesc(file, 1);

export const LoyaltyService: GenService<{
  getAccount: {
    methodKind: 'unary';
    input: typeof GetAccountRequestSchema;
    output: typeof AccountSchema;
  };
}> = serviceDesc(file, 0);
