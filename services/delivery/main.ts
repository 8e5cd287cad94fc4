import { run } from '#kit/run';
import { delivery } from './service';

void run(delivery);
