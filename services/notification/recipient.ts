import { Code, MicroserviceError } from '#kit/core/errors';
import type { Audience } from './domain';
import type { Context } from './definition';

interface Contact {
  name: string;
  email: string;
  phone?: string | undefined;
}

/** Who is told. Where they are reached is asked when it is needed, once, and kept nowhere. */
export class Recipient {
  readonly userId: string | undefined;
  #contact: Promise<Contact | undefined> | undefined;

  constructor(
    audience: Audience,
    private readonly context: Context,
  ) {
    this.userId = audience === 'operators' ? undefined : audience.userId;
  }

  /** Undefined where the user is gone. */
  contact(): Promise<Contact | undefined> {
    this.#contact ??= this.#ask();
    return this.#contact;
  }

  /** The number for text messages, where they are wanted: undefined where there is none. */
  async phone(): Promise<string | undefined> {
    const { userId, context } = this;
    if (userId === undefined) return undefined;
    if (!(await context.flagsFor(userId).enabled('sms_notifications'))) return undefined;
    return (await this.contact())?.phone;
  }

  async #ask(): Promise<Contact | undefined> {
    const { userId, context } = this;
    if (userId === undefined) return { name: '', email: context.config.OPERATIONS_EMAIL };
    try {
      return await context.user.getContact({ userId });
    } catch (error) {
      if (error instanceof MicroserviceError && error.code === Code.NOT_FOUND) return undefined;
      throw error;
    }
  }
}
