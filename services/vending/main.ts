import { run } from '#kit/run';
import { vending } from './service';

void run(vending);
