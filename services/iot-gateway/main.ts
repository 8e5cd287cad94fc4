import { run } from '#kit/run';
import { iotGateway } from './service';

void run(iotGateway);
