import { run } from '#kit/boot/run';
import { delivery } from './service';

void run(delivery);
