// @ts-check
// Grants each app the rights that it needs at a Kafka with accounts. A program of its own, because it needs the
// project's Node and packages. BROKER is the address, ACCOUNT and PASSWORD those of an administrator, APPS a list of
// AppAccess (access.mjs).
import {
  AclOperations,
  AclPermissionTypes,
  Admin,
  ResourcePatternTypes,
  ResourceTypes,
} from '@platformatic/kafka';

const { BROKER = '', ACCOUNT = '', PASSWORD = '', APPS = '' } = process.env;

/** @type {readonly import('../access.mjs').AppAccess[]} */
const apps = JSON.parse(APPS);

/**
 * @param {string} app
 * @param {import('@platformatic/kafka').ResourceTypeValue} resourceType
 * @param {string} resourceName
 * @param {import('@platformatic/kafka').AclOperationValue[]} operations
 */
const acls = (app, resourceType, resourceName, operations) =>
  operations.map((operation) => ({
    ...{ resourceType, resourceName, resourcePatternType: ResourcePatternTypes.LITERAL },
    ...{ principal: `User:${app}`, host: '*' },
    ...{ operation, permissionType: AclPermissionTypes.ALLOW },
  }));

const { READ, WRITE, CREATE, DESCRIBE } = AclOperations;
const creations = apps.flatMap(({ name, publishes, subscribes }) => [
  ...publishes.flatMap((topic) =>
    acls(name, ResourceTypes.TOPIC, topic, [WRITE, CREATE, DESCRIBE]),
  ),
  ...subscribes.flatMap((topic) =>
    acls(name, ResourceTypes.TOPIC, topic, [READ, CREATE, DESCRIBE]),
  ),
  ...acls(name, ResourceTypes.GROUP, name, [READ, DESCRIBE]),
]);

const admin = new Admin({
  clientId: 'grant',
  bootstrapBrokers: [BROKER],
  sasl: { mechanism: 'PLAIN', username: ACCOUNT, password: PASSWORD },
  retries: 20,
  retryDelay: 500,
});
await admin.createAcls({ creations });
await admin.close();
