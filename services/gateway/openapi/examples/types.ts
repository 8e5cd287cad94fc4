/**
 * A route in the OpenAPI document: its summary, and one request with its response. The tests of the
 * routes send the request and expect the response.
 */
export interface RouteExample {
  /** What the route does, in one line. */
  readonly summary: string;
  /** Fields of the body that may be omitted, as paths such as `deliveryAddress.line2`. */
  readonly optional?: readonly string[];
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  /** With every field, at every depth. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** The complete data of the response; absent for routes that the gateway answers itself. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Examples by method and path of the route: `GET /orders/:orderId`. */
export type RouteExamples = Readonly<Record<string, RouteExample>>;
