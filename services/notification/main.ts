import { run } from '#kit/boot/run';
import { notification } from './service';

void run(notification);
