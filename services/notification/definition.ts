import { z } from 'zod';
import { type ContextOf, Service } from '#kit/service/service';
import { NotificationSent } from '#contracts/notification';
import { NotificationService } from '#proto/retail/notification/v1/notification_pb';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { Entry, Told } from './domain';

export const notification = new Service('notification', {
  serves: NotificationService,
  calls: { user: UserService },
  stores: { told: Told },
  feeds: { inbox: Entry },
  outputBindings: ['email', 'sms'],
  publishes: [NotificationSent],
  config: z.object({ OPERATIONS_EMAIL: z.email().default('operations@example.com') }),
});

export type Context = ContextOf<typeof notification>;
