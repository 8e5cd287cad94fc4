import { run } from '#kit/boot/run';
import { payment } from './service';

void run(payment);
