/**
 * Whose things a route reads or changes. The service that stores them checks it; `access` is only the
 * check of the role, at the edge. test/authorization proves each value against the real services.
 *
 * - `everyone`: reads what every caller that `access` admits may see.
 * - `credentials`: the proof is in the body, such as a password or a refresh token.
 * - `caller`: the caller's own account and lists, or something new that belongs to the caller.
 * - `buyer`: a purchase, for its customer and admins.
 * - `product`: a product, for the seller who created it and admins.
 * - `shop`: what belongs to a shop, for its sellers and admins.
 * - `session`: a session, for the user who is signed in by it, and for nobody else.
 * - `recipient`: a notification, for the user who received it, and for nobody else.
 * - `admin`: for admins.
 */
export type Owner =
  | 'everyone'
  | 'credentials'
  | 'caller'
  | 'buyer'
  | 'product'
  | 'shop'
  | 'session'
  | 'recipient'
  | 'admin';

/** The callers that a service admits besides admins. */
const DESCRIPTIONS: Readonly<Partial<Record<Owner, string>>> = {
  buyer: 'the customer who bought',
  product: 'the seller who created the product',
  shop: 'sellers of the shop',
};

/**
 * A sentence about the callers that a route is for; undefined if `access` says it all, as where callers
 * see and change only what is their own.
 */
export function describeOwners(owner: Owner | readonly Owner[]): string | undefined {
  const callers = [owner].flat().flatMap((each) => DESCRIPTIONS[each] ?? []);
  if (callers.length === 0) return undefined;
  return `Only for ${[...callers, 'admins'].join(', ').replace(/, admins$/, ' and admins')}.`;
}
