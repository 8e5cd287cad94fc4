import { run } from '#kit/run';
import { inventory } from './service';

void run(inventory);
