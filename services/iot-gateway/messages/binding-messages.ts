import type { BindingMessage } from '#kit/service/handlers';
import type { Context } from '../definition';
import { handleMessage, messageId } from './handle-message';

/** Handles a message that the broker delivered through the sidecar's binding. */
export async function handleBindingMessage({ data, metadata }: BindingMessage, context: Context) {
  return handleMessage(metadata['topic'] ?? '', data, context);
}

export function identifyBindingMessage({ data, metadata }: BindingMessage): string {
  return messageId(metadata['topic'] ?? '', data);
}
