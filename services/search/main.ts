import { run } from '#kit/boot/run';
import { search } from './service';

void run(search);
