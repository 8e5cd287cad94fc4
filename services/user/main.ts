import { run } from '#kit/boot/run';
import { user } from './service';

void run(user);
