import { openapi } from '../openapi/document';
import { BASE, routes } from '../routes/table';
import type { Route } from '../routes/types';
import type { TestResponse } from './edge';

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly responses: Readonly<Record<string, DocumentedResponse>>;
    readonly headers: Readonly<Record<string, object>>;
  };
}
interface Operation {
  readonly operationId: string;
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, DocumentedResponse | { readonly $ref: string }>>;
}
interface DocumentedResponse {
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: Readonly<Record<string, object>>;
}

/** The document as JSON, as clients read it. */
export const document = JSON.parse(JSON.stringify(openapi(BASE, routes))) as Document;

/** The part of Ajv that is used. */
interface Validator {
  addSchema(schema: object, name: string): unknown;
  validate(schema: object, value: unknown): unknown;
  readonly errors?: readonly object[] | null | undefined;
}

/** Headers of HTTP, CORS and browser security, which the document leaves out. */
const UNDOCUMENTED = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'transfer-encoding',
  'vary',
  'content-security-policy',
  'cross-origin-opener-policy',
  'cross-origin-resource-policy',
  'referrer-policy',
  'strict-transport-security',
  'x-content-type-options',
  'x-frame-options',
]);

type Errors = readonly (string | object)[];

/** Validates requests and responses against the document. */
export function documentValidator(validator: Validator) {
  validator.addSchema(document, 'openapi.json');

  /** Errors of a body that is sent to the route. */
  function requestErrors({ method, path }: Pick<Route, 'method' | 'path'>, body: unknown): Errors {
    const place = documentedPath(path);
    const verb = method.toLowerCase();
    if (document.paths[place]?.[verb]?.requestBody === undefined) return ['takes no body'];
    return schemaErrors(
      `#/paths/${encoded(place)}/${verb}/requestBody/content/${encoded('application/json')}/schema`,
      body,
    );
  }

  /** Errors of a response by the route. */
  function responseErrors(
    { method, path }: Pick<Route, 'method' | 'path'>,
    response: TestResponse,
  ): Errors {
    const place = documentedPath(path);
    const verb = method.toLowerCase();
    const documented = document.paths[place]?.[verb]?.responses[response.status];
    if (documented === undefined) return [`${response.status} is not documented`];
    if ('$ref' in documented)
      return refusalErrors(documented.$ref.split('/').at(-1) ?? '', response);
    const at = `#/paths/${encoded(place)}/${verb}/responses/${response.status}`;
    return errorsAt(at, documented, response);
  }

  /** Errors of a response that should be this refusal. */
  function refusalErrors(name: string, response: TestResponse): Errors {
    const documented = document.components.responses[name];
    if (documented === undefined) return [`${name} is not documented`];
    return errorsAt(`#/components/responses/${name}`, documented, response);
  }

  function errorsAt(at: string, documented: DocumentedResponse, response: TestResponse): Errors {
    const { headers = {}, content } = documented;
    const known = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
    const unknown = Object.keys(response.headers)
      .filter((name) => !UNDOCUMENTED.has(name) && !known.has(name))
      .map((name) => `${response.status} has the header ${name}, which is not documented`);
    return [...unknown, ...bodyErrors(at, content, response)];
  }

  function bodyErrors(
    at: string,
    content: DocumentedResponse['content'],
    { headers, body }: TestResponse,
  ): Errors {
    const [type = ''] = String(headers['content-type'] ?? '').split(';');
    if (content === undefined) return Object.keys(body).length === 0 ? [] : ['has a body'];
    if (content[type] === undefined) return [`${type} is not documented`];
    return schemaErrors(`${at}/content/${encoded(type)}/schema`, body);
  }

  function schemaErrors(pointer: string, value: unknown): Errors {
    const valid = validator.validate({ $ref: `openapi.json${pointer}` }, value);
    return valid === true ? [] : (validator.errors ?? []);
  }

  return { requestErrors, responseErrors, refusalErrors };
}

/** A segment of a JSON pointer in a URI fragment. */
const encoded = (name: string) => encodeURIComponent(name.replaceAll('/', '~1'));

/** A path as the document writes it. */
export const documentedPath = (path: string) => path.replace(/:(\w+)/g, '{$1}');
