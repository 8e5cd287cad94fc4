import { describeConformance } from './describe';

describeConformance('rabbitmq');
