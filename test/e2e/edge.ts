import { z } from 'zod';

const Time = z.iso.datetime();
const Money = z.strictObject({
  amount: z.string().regex(/^\d+\.\d\d$/),
  currency: z.literal('EUR'),
});

export const listOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({ items: z.array(item), page: z.int(), limit: z.int(), total: z.int() });

// The answers of the edge. Strict: an undocumented field would become a promise.
export const Registered = z.strictObject({
  userId: z.string(),
  email: z.string(),
  role: z.literal('customer'),
});
export const LoggedIn = z.strictObject({
  token: z.string(),
  expiresAt: Time,
  user: z.strictObject({
    userId: z.string(),
    email: z.string(),
    name: z.string(),
    role: z.enum(['customer', 'seller', 'admin']),
    tenantId: z.string(),
  }),
  refreshToken: z.string(),
  refreshExpiresAt: Time,
  endedSessions: z.int(),
});
export const Profile = z.strictObject({
  userId: z.string(),
  email: z.string(),
  name: z.string(),
  role: z.string(),
  phone: z.string().optional(),
  createdAt: Time,
  updatedAt: Time,
  emailVerified: z.boolean(),
});
export const Product = z.strictObject({
  productId: z.string(),
  name: z.string(),
  description: z.string(),
  category: z.string(),
  price: Money,
  availability: z.enum(['in_stock', 'low_stock', 'out_of_stock', 'unknown']),
  createdAt: Time,
  updatedAt: Time,
});
export const Products = listOf(Product);
export const Stock = z.strictObject({
  shopId: z.string(),
  productId: z.string(),
  available: z.int(),
  reserved: z.int(),
  minimumStock: z.int(),
  doubtful: z.literal(true).optional(),
});
export const Return = z.strictObject({
  returnId: z.string(),
  orderId: z.string(),
  shopId: z.string(),
  status: z.enum(['requested', 'received', 'refunding', 'completed', 'rejected']),
  items: z.array(
    z.strictObject({
      productId: z.string(),
      quantity: z.int(),
      accepted: z.int().optional(),
      restocked: z.int().optional(),
    }),
  ),
  reason: z.string(),
  refunded: Money.optional(),
  createdAt: Time,
  updatedAt: Time,
});
export const Quote = z.strictObject({
  quoteId: z.string().optional(),
  shopId: z.string(),
  destination: z.strictObject({ postalCode: z.string(), city: z.string(), country: z.string() }),
  reachable: z.boolean(),
  reason: z.string().optional(),
  price: Money.optional(),
  estimatedAt: Time.optional(),
  validUntil: Time.optional(),
});
export const Order = z.strictObject({
  orderId: z.string(),
  status: z.enum(['pending', 'confirmed', 'cancelling', 'cancelled']),
  items: z.array(z.strictObject({ productId: z.string(), quantity: z.int(), unitPrice: Money })),
  totalAmount: Money,
  shopId: z.string(),
  userId: z.string(),
  reason: z.string().optional(),
  createdAt: Time,
  updatedAt: Time,
  paymentId: z.string().optional(),
  deliveryId: z.string().optional(),
  channel: z.enum(['online', 'store', 'pickup', 'vending']),
  deliveryPrice: Money.optional(),
  handledFrom: Time.optional(),
  pickup: z
    .strictObject({
      status: z.enum(['preparing', 'ready', 'collected']),
      readyAt: Time.optional(),
      expiresAt: Time.optional(),
      collectedAt: Time.optional(),
    })
    .optional(),
  returns: z.array(Return),
});
export type Order = z.infer<typeof Order>;
export const Orders = listOf(Order);
export const Story = z.strictObject({
  orderId: z.string(),
  steps: z.array(
    z.strictObject({
      step: z.string(),
      outcome: z.string(),
      at: Time,
      ms: z.int(),
      reason: z.string().optional(),
    }),
  ),
  events: z.array(z.strictObject({ type: z.string(), at: Time })),
});
export type Story = z.infer<typeof Story>;
export const Payment = z.strictObject({
  paymentId: z.string(),
  orderId: z.string(),
  userId: z.string(),
  amount: Money,
  refunded: Money,
  status: z.enum(['authorised', 'captured', 'declined', 'voided', 'expired']),
  reason: z.string().optional(),
  method: z.string(),
  gateway: z.string(),
  refunds: z.array(
    z.strictObject({ refundId: z.string(), amount: Money, status: z.string(), at: Time }),
  ),
  createdAt: Time,
  updatedAt: Time,
});
export const Delivery = z.strictObject({
  deliveryId: z.string(),
  orderId: z.string(),
  userId: z.string(),
  shopId: z.string(),
  status: z.enum(['scheduled', 'picked_up', 'in_transit', 'delivered', 'cancelled']),
  estimatedAt: Time,
  createdAt: Time,
  updatedAt: Time,
});
export const Notification = z.strictObject({
  notificationId: z.string(),
  channel: z.string(),
  subject: z.string(),
  text: z.string(),
  eventType: z.string(),
  sentAt: Time,
  read: z.boolean(),
});
export const Notifications = listOf(Notification);
export const Account = z.strictObject({
  userId: z.string(),
  email: z.string(),
  name: z.string(),
  role: z.enum(['customer', 'seller', 'admin']),
  blocked: z.boolean(),
  emailVerified: z.boolean(),
  createdAt: Time,
  updatedAt: Time,
});
export const DeadLetter = z.strictObject({
  id: z.string(),
  type: z.string(),
  source: z.string(),
  subject: z.string(),
  correlationId: z.string(),
  reason: z.string(),
  message: z.string(),
  attempts: z.int(),
  replayCount: z.int(),
  firstFailedAt: Time,
  lastFailedAt: Time,
  event: z.record(z.string(), z.unknown()).optional(),
});
export type DeadLetter = z.infer<typeof DeadLetter>;
export const DeadLetters = listOf(DeadLetter);
export const Replayed = z.strictObject({
  succeeded: z.boolean(),
  deadLetter: DeadLetter.optional(),
});
export const Nothing = z.strictObject({});

const Success = z.strictObject({
  success: z.literal(true),
  data: z.unknown(),
  requestId: z.string(),
  timestamp: Time,
});
const Failure = z.strictObject({
  success: z.literal(false),
  error: z.string().min(1),
  statusCode: z.int(),
  timestamp: Time,
  requestId: z.string(),
  details: z.looseObject({
    reason: z.string().optional(),
    orderId: z.string().optional(),
    fields: z.array(z.strictObject({ field: z.string(), message: z.string() })).optional(),
  }),
});
const Body = z.discriminatedUnion('success', [Success, Failure]);
export type Refusal = z.infer<typeof Failure> & { headers: Headers };

interface Sent {
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
}

/** The edge's REST API for one client, signed in or not. */
export class Edge {
  constructor(
    readonly url: string,
    private readonly token?: string,
  ) {}

  /** Any request, with its answer as it is. */
  async send(method: string, path: string, { body, headers = {} }: Sent = {}) {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text };
  }

  /** The data of an answer that must be a success with this status. */
  async ask<S extends z.ZodType>(
    data: S,
    status: number,
    method: string,
    path: string,
    sent: Sent = {},
  ): Promise<z.output<S>> {
    const answer = await this.send(method, path, sent);
    const body = answer.status === status ? Body.parse(JSON.parse(answer.text)) : undefined;
    if (body?.success !== true) {
      throw new Error(`${method} ${path} was answered ${answer.status}: ${answer.text}`);
    }
    return data.parse(body.data);
  }

  get<S extends z.ZodType>(data: S, path: string): Promise<z.output<S>> {
    return this.ask(data, 200, 'GET', path);
  }

  /** A refusal, which must have this status. */
  async refused(status: number, method: string, path: string, sent: Sent = {}): Promise<Refusal> {
    const answer = await this.send(method, path, sent);
    const body = answer.status === status ? Body.parse(JSON.parse(answer.text)) : undefined;
    if (body?.success !== false || body.statusCode !== status) {
      throw new Error(`${method} ${path} was answered ${answer.status}: ${answer.text}`);
    }
    return { ...body, headers: answer.headers };
  }
}
