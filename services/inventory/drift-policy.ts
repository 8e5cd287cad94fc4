import { z } from 'zod';

/** When a device's count that differs from the expected pieces corrects the stock. */
export const DriftPolicy = z.enum([
  /** Immediately, if the drift is within the tolerance. */
  'tolerance',
  /** When two counts in a row have the same drift. */
  'agreement',
  /** Never: the drift is published, for a person to check. */
  'report',
]);
