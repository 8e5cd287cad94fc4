import { run } from '#kit/run';
import { notification } from './service';

void run(notification);
