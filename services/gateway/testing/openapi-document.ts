import { BASE } from '../app';
import { aboutOf, openapi } from '../openapi/document';
import type { Route } from '../routes/types';
import { routes } from '../routes/table';
import type { Answered, Edge } from './edge';

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly responses: Readonly<Record<string, Response>>;
    readonly headers: Readonly<Record<string, object>>;
  };
}
interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, Response | { readonly $ref: string }>>;
}
interface Response {
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: Readonly<Record<string, object>>;
}

/** The document as whoever reads it has it: as JSON. */
export const document = JSON.parse(JSON.stringify(openapi(BASE, routes))) as Document;

/** Of Ajv, what judges by a JSON schema. */
interface Validator {
  addSchema(schema: object, name: string): unknown;
  validate(schema: object, value: unknown): unknown;
  readonly errors?: readonly object[] | null | undefined;
}

/** What HTTP and browsers say to one another, of which the document does not tell. */
const OF_HTTP = new Set([
  ...['connection', 'content-encoding', 'content-length', 'content-type', 'date', 'keep-alive'],
  ...['transfer-encoding', 'vary'],
  ...['content-security-policy', 'cross-origin-opener-policy', 'cross-origin-resource-policy'],
  ...['referrer-policy', 'strict-transport-security', 'x-content-type-options', 'x-frame-options'],
]);

/** Judges answers by the document. */
export function judge(validator: Validator) {
  validator.addSchema(document, 'openapi.json');

  /** What the document says against an answer to the route. */
  function faultsOf({ method, path }: Pick<Route, 'method' | 'path'>, answered: Answered): Faults {
    const place = placeOf(path);
    const told = document.paths[place]?.[method.toLowerCase()]?.responses[answered.status];
    if (told === undefined) return [`${answered.status} is not documented`];
    if ('$ref' in told) return faultsOfRefusal(told.$ref.split('/').at(-1) ?? '', answered);
    const at = `#/paths/${part(place)}/${method.toLowerCase()}/responses/${answered.status}`;
    return faultsAgainst(told, at, answered);
  }

  /** What one of the refusals that the document names says against an answer. */
  function faultsOfRefusal(name: string, answered: Answered): Faults {
    const told = document.components.responses[name];
    if (told === undefined) return [`${name} is not documented`];
    return faultsAgainst(told, `#/components/responses/${name}`, answered);
  }

  function faultsAgainst({ headers = {}, content }: Response, at: string, answered: Answered) {
    const known = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
    const unknown = Object.keys(answered.headers)
      .filter((name) => !OF_HTTP.has(name) && !known.has(name))
      .map((name) => `${answered.status} has the header ${name}, which is not documented`);
    return [...unknown, ...faultsOfBody(content, at, answered)];
  }

  function faultsOfBody(content: Response['content'], at: string, { headers, body }: Answered) {
    const [type = ''] = String(headers['content-type'] ?? '').split(';');
    if (content === undefined) return Object.keys(body).length === 0 ? [] : ['has a body'];
    if (content[type] === undefined) return [`${type} is not documented`];
    const schema = { $ref: `openapi.json${at}/content/${part(type)}/schema` };
    return validator.validate(schema, body) === true ? [] : (validator.errors ?? []);
  }

  return { faultsOf, faultsOfRefusal };
}

type Faults = readonly (string | object)[];

const part = (name: string) => encodeURIComponent(name.replaceAll('/', '~1'));

/** A path as the document writes it. */
export const placeOf = (path: string) => path.replace(/:(\w+)/g, '{$1}');

/** The route's example as a request: its path with the query, and its body. */
export function exampleOf(route: Route) {
  const { params = {}, query = {}, body } = aboutOf(route);
  const path = route.path.replace(/:(\w+)/g, (_, name: string) => params[name] ?? '');
  const texts = Object.entries(query).map(([name, value]) => [name, String(value)]);
  const search = texts.length === 0 ? '' : `?${new URLSearchParams(texts).toString()}`;
  return { path: BASE + path + search, body };
}

/** A token of somebody who may use the route; none where nobody is asked who they are. */
export async function tokenFor(edge: Edge, { who }: Route): Promise<string | undefined> {
  return typeof who === 'string' ? undefined : edge.token({ role: who.at(-1) });
}
