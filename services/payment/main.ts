import { run } from '#kit/run';
import { payment } from './service';

void run(payment);
