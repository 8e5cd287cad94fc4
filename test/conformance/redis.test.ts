import { describeConformance } from './describe';

describeConformance('redis');
