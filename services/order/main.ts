import { run } from '#kit/run';
import { order } from './service';

void run(order);
