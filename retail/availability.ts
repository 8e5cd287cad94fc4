/** A product is `low_stock` with this many pieces or fewer in all shops together. */
export const LOW_STOCK = 5;

/** The availability of a product by the pieces that are free to sell; `unknown` if no stock was reported. */
export function availabilityOf(pieces: number | undefined) {
  if (pieces === undefined) return 'unknown';
  if (pieces === 0) return 'out_of_stock';
  return pieces <= LOW_STOCK ? 'low_stock' : 'in_stock';
}
