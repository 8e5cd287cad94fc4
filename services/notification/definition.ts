import { z } from 'zod';
import { methods } from '#kit/service/definition';
import { type ContextOf, Service } from '#kit/service/service';
import { NotificationSent } from '#contracts/notification';
import { NotificationService } from '#proto/retail/notification/v1/notification_pb';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { Email } from '#retail/contact';
import { DeliveredChannels, InboxNotification, ReadMarks } from './domain';

/** Notifies users and operators of events, by inbox, e-mail and text message. */
export const notification = new Service('notification', {
  serves: NotificationService,
  calls: { user: methods(UserService, 'getAccountMail', 'getContact') },
  // By event. `told` is part of the stored keys: renaming it is a migration.
  // `reads`: by user
  stores: { told: DeliveredChannels, reads: ReadMarks },
  /** The notifications of each user. */
  feeds: { inbox: InboxNotification },
  outputBindings: ['email', 'sms'],
  publishes: [NotificationSent],
  config: z.object({
    /** Receives the e-mails for operators. */
    OPERATIONS_EMAIL: Email.default('operations@example.com'),
  }),
});

export type Context = ContextOf<typeof notification>;
