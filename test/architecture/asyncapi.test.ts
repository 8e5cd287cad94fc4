import { expect, test } from '@jest/globals';
import { Parser } from '@asyncapi/parser';
import { read } from './tree';

/** Errors, warnings and hints of the parser that the AsyncAPI initiative publishes. */
async function diagnosticsOf(document: string): Promise<string[]> {
  const { diagnostics } = await new Parser().parse(document);
  return diagnostics.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('docs/asyncapi.json passes the official parser without a warning', async () => {
  expect(await diagnosticsOf(read('docs/asyncapi.json'))).toEqual([]);
});

test.each([
  ['a message that is not defined', '#/channels/order.created/messages/OrderCreated', '#/nowhere'],
  ['an action that is not defined', '"action": "send"', '"action": "shout"'],
  ['a schema that is not one', '"type": "integer"', '"type": "whole"'],
])('%s is caught', async (_, text, wrong) => {
  const document = read('docs/asyncapi.json');
  expect(document).toContain(text);
  expect(await diagnosticsOf(document.replaceAll(text, wrong))).not.toEqual([]);
});
