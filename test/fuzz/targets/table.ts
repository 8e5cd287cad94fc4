import type { Target } from '../target';
import { cloudEvents } from './cloud-events';
import { deviceMessages } from './device-messages';
import { headers } from './headers';
import { parameters } from './parameters';
import { requestMessages } from './request-messages';

/** Every parser of what comes from outside, by name. */
export const TARGETS: Readonly<Record<string, () => Promise<Target>>> = {
  'request-messages': requestMessages,
  'device-messages': deviceMessages,
  'cloud-events': cloudEvents,
  parameters,
  headers,
};
