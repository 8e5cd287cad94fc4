import { z } from 'zod';

/** A number of pieces of one product, 1 to 1000. */
export const Quantity = z.int().min(1).max(1000);
