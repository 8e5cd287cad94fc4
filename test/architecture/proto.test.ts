import { beforeAll, expect, test } from '@jest/globals';
import { type DescField, type DescMessage, type DescMethod, ScalarType } from '@bufbuild/protobuf';
import { descriptors } from './tree';

let messages: DescMessage[];
let methods: DescMethod[];

beforeAll(async () => {
  const files = await descriptors();
  messages = files.flatMap((file) => file.messages);
  methods = files.flatMap(({ services }) => services.flatMap(({ methods }) => methods));
});

test('secret and personal fields are marked, so that logs redact them', () => {
  const secret = /^(email|password|phone|token|line[12]|postal_code|city)$/;
  const bare = fieldsOf(messages)
    .filter((field) => secret.test(field.name))
    .filter((field) => field.proto.options?.debugRedact !== true);
  expect(bare.map(String)).toEqual([]);
});

test('no response contains a payment token, a password or an address', () => {
  const responses = methods.map(({ output }) => output);
  const personal = fieldsOf(responses).filter((field) =>
    /^(password|address|.*_address)$/.test(field.name),
  );
  expect(personal.map(String)).toEqual([]);
  // the access token of the user who signs in, and the one-time token for the service that e-mails it
  const tokens = fieldsOf(responses).filter((field) => field.name === 'token');
  expect(new Set(tokens.map((field) => field.parent.name))).toEqual(
    new Set(['LoginResponse', 'AccountMail']),
  );
});

test('a list returns items, page, limit and total, as numbers in JSON', () => {
  const lists = methods.filter(({ name }) => name.startsWith('List'));
  expect(lists).not.toEqual([]);
  for (const { output } of lists) {
    expect(output.fields.map(({ name }) => name)).toEqual(['items', 'page', 'limit', 'total']);
  }
  // protobuf's JSON writes 64-bit integers as strings
  const wide = fieldsOf(messages).filter(
    ({ scalar }) => scalar === ScalarType.INT64 || scalar === ScalarType.UINT64,
  );
  expect(wide.map(String)).toEqual([]);
});

function fieldsOf(roots: readonly DescMessage[], seen = new Set<DescMessage>()): DescField[] {
  return roots
    .filter((message) => message.typeName.startsWith('retail.') && !seen.has(message))
    .flatMap((message) => {
      seen.add(message);
      const inner = message.fields.flatMap(({ message }) => message ?? []);
      return [...message.fields, ...fieldsOf(inner, seen)];
    });
}
