import type { Caller } from '#kit/core/caller';
import type { Owner } from '../../services/gateway/auth/owner';
import type { Route } from '../../services/gateway/routes/types';
import { OTHER_TENANT, type Platform, ada, bob, carl, dora, sally } from './platform';

/** A caller of a route, with the credentials for the edge. */
export interface Actor {
  readonly name: string;
  /** What the services know of it. Absent if the edge alone decides, as about the scopes of a key. */
  readonly caller?: Caller;
  readonly headers: Readonly<Record<string, string>>;
}

/** A route that declares whose things it reads or changes. */
export type OwnedRoute = Extract<Route, { owner: unknown }>;

export const ownersOf = ({ owner }: OwnedRoute): readonly Owner[] => [owner].flat();

/** Whose request is the proof that the route works, by the owner. */
const PERMITTED: Readonly<Record<Exclude<Owner, 'everyone' | 'credentials' | 'caller'>, Caller>> = {
  buyer: carl,
  product: sally,
  shop: sally,
  session: carl,
  recipient: carl,
  admin: ada,
};

/** Of the users that own something, those that are strangers to things of this owner. */
const NEIGHBOURS: Readonly<Record<Owner, readonly Caller[]>> = {
  everyone: [],
  credentials: [],
  caller: [],
  buyer: [sally],
  product: [carl],
  shop: [carl],
  session: [sally, ada],
  recipient: [sally, ada],
  admin: [sally, carl],
};

/** The callers that may use the route with Sally's and Carl's things. */
export function permittedCallers(route: OwnedRoute): Caller[] {
  const callers = ownersOf(route).flatMap((owner) => {
    if (owner === 'everyone' || owner === 'caller') return [carl, sally].filter(isAdmitted(route));
    return owner === 'credentials' ? [] : [PERMITTED[owner]];
  });
  // a session and an inbox are their user's alone
  const isPrivate = ownersOf(route).some((owner) => owner === 'session' || owner === 'recipient');
  if (isPrivate) return callers;
  // admins may do all of it
  return [...new Set([...callers, ...(callers.includes(ada) ? [] : [ada])])];
}

const isAdmitted =
  ({ access }: OwnedRoute) =>
  ({ role }: Caller) =>
    typeof access === 'string' || access.includes(role);

/** The scope that the route requires of an API key. */
export function scopeOf({ method, path }: OwnedRoute): string {
  const [, resource = ''] = path.split('/');
  return `${resource}:${method === 'GET' ? 'read' : 'write'}`;
}

export async function signedIn({ edge }: Platform, caller: Caller, name: string): Promise<Actor> {
  const { userId: sub, role, tenantId: tenant } = caller;
  const token = await edge.token({ sub, role, tenant });
  return { name, caller, headers: { authorization: `Bearer ${token}` } };
}

/** The callers that have nothing to do with Sally's and Carl's things. */
export async function strangersTo(route: OwnedRoute, platform: Platform): Promise<Actor[]> {
  const permitted = permittedCallers(route);
  const neighbours = ownersOf(route)
    .flatMap((owner) => NEIGHBOURS[owner])
    .filter((caller) => !permitted.includes(caller));
  const own = permitted.find(({ role }) => role !== 'customer') ?? ada;
  const key = async (role: 'seller' | 'admin', scope: string) => ({
    headers: { 'x-api-key': await platform.apiKey(role, scope) },
  });
  return [
    await signedIn(platform, bob, 'a second seller'),
    await signedIn(platform, dora, 'a second customer'),
    {
      name: 'an anonymous client',
      caller: { userId: '', role: 'anonymous', tenantId: 'default' },
      headers: {},
    },
    { name: 'an admin API key without the scope', ...(await key('admin', 'unrelated:read')) },
    { name: 'an API key of another seller', ...(await key('seller', scopeOf(route))) },
    await signedIn(platform, { ...own, tenantId: OTHER_TENANT }, 'the same user of another tenant'),
    ...(await Promise.all(
      [...new Set(neighbours)].map((caller) =>
        signedIn(platform, caller, `the ${caller.role} ${caller.userId}`),
      ),
    )),
  ];
}
