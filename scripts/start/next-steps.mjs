// @ts-check
import { accountsFile } from './accounts.mjs';
import { relativePath } from './project.mjs';

/**
 * What a person wants to know when the system runs: where it is, who may sign in, how to place an order, how to
 * stop it. No password is printed.
 * @param {object} system
 * @param {string} system.url of the gateway
 * @param {import('./accounts.mjs').Accounts} system.accounts
 * @param {boolean} system.mtls
 * @param {string | undefined} system.productId a product in stock; undefined where there is no demo shop
 * @returns {string[]} lines
 */
export function nextSteps({ url, accounts, mtls, productId }) {
  const file = relativePath(accountsFile);
  const admin = process.env.ADMIN_PASSWORD ? 'password in ADMIN_PASSWORD' : `password in ${file}`;
  const lines = [
    `  API explorer  ${url}/api/docs`,
    `  API           ${url}/api/v1/products`,
    `  Health        ${url}/api/v1/health/detailed, or: npm run status`,
    `  Calls between services: ${mtls ? 'mTLS is on' : 'mTLS is off'}`,
    `  Admin         ${accounts.admin.email}, ${admin}`,
  ];
  if (productId === undefined) return lines;
  return [
    ...lines,
    `  Customer      ${accounts.customer.email}, password in ${file}`,
    'Place an order as the customer, in another terminal, in this folder:',
    ...orderCommands(`${url}/api/v1`, file, productId),
    'See its steps: npm run story -- <orderId>',
  ];
}

/**
 * Commands of a shell that place an order.
 * @param {string} api
 * @param {string} file
 * @param {string} productId
 */
function orderCommands(api, file, productId) {
  const order = {
    shopId: 'shop_1',
    items: [{ productId, quantity: 1 }],
    payment: { method: 'card', token: 'tok_ok' },
    deliveryAddress: {
      ...{ name: 'Ada', line1: 'Street 1' },
      ...{ postalCode: '10115', city: 'Berlin', country: 'DE' },
    },
  };
  return [
    `  token=$(node -p 'JSON.stringify(require("./${file}").customer)' |`,
    `    curl -s ${api}/auth/login -H 'content-type: application/json' -d @- |`,
    `    node -pe 'JSON.parse(require("fs").readFileSync(0)).data.token')`,
    `  curl -s ${api}/orders -H "authorization: Bearer $token" -H "idempotency-key: $(date +%s)" \\`,
    `    -H 'content-type: application/json' -d '${JSON.stringify(order)}'`,
  ];
}
