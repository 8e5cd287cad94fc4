import { run } from '#kit/boot/run';
import { order } from './service';

void run(order);
