import { run } from '#kit/run';
import { user } from './service';

void run(user);
