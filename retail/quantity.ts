import { z } from 'zod';

/** Pieces of one product. */
export const Quantity = z.int().min(1).max(1000);
