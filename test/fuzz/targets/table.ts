import type { Target } from '../target';
import { cloudEvents } from './cloud-events';
import { deviceMessages } from './device-messages';
import { headers } from './headers';
import { jsonBodies } from './json-bodies';
import { parameters } from './parameters';
import { requestMessages } from './request-messages';

/** Every parser of what comes from outside, by name. */
export const TARGETS: Readonly<Record<string, () => Promise<Target>>> = {
  'request-messages': requestMessages,
  'json-bodies': jsonBodies,
  'device-messages': deviceMessages,
  'cloud-events': cloudEvents,
  parameters,
  headers,
};
