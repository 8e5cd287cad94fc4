import { Code, MicroserviceError } from '#kit/core/errors';
import type { Audience, Contact } from './domain';
import type { Context } from './definition';

/**
 * The recipient of a notification. The contact is looked up on first use, at most once, and is never
 * stored.
 */
export class Recipient {
  readonly userId: string | undefined;
  #contact: Promise<Contact | undefined> | undefined;

  constructor(
    audience: Audience,
    private readonly context: Context,
  ) {
    this.userId = audience === 'operators' ? undefined : audience.userId;
  }

  /** Undefined if the user no longer exists. */
  contact(): Promise<Contact | undefined> {
    this.#contact ??= this.#lookUp();
    return this.#contact;
  }

  /** The number for text messages. Undefined if the user has none or text messages are off. */
  async phone(): Promise<string | undefined> {
    const { userId, context } = this;
    if (userId === undefined) return undefined;
    if (!(await context.flagsFor(userId).enabled('sms_notifications'))) return undefined;
    return (await this.contact())?.phone;
  }

  async #lookUp(): Promise<Contact | undefined> {
    const { userId, context } = this;
    if (userId === undefined) {
      return { name: '', email: context.config.OPERATIONS_EMAIL, emailVerified: true };
    }
    try {
      return await context.user.getContact({ userId });
    } catch (error) {
      if (error instanceof MicroserviceError && error.code === Code.NOT_FOUND) return undefined;
      throw error;
    }
  }
}
