import { run } from '#kit/run';
import { shop } from './service';

void run(shop);
