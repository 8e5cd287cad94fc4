import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { API_PORT, NETWORK, NODE, NODE_HOME } from './place';

const FOLDER = join(NODE_HOME, 'certificates');
const DAYS = '30';

export const certificate = (name: string) => join(FOLDER, `${name}.crt`);
export const key = (name: string) => join(FOLDER, `${name}.key`);
/** The key pair with which the API server signs the tokens of service accounts. */
export const TOKENS = { private: join(FOLDER, 'tokens.key'), public: join(FOLDER, 'tokens.pub') };

const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });

/** A subject, what its certificate is for, and the names that it is valid for. */
interface Subject {
  readonly name: string;
  readonly subject: string;
  readonly use: 'clientAuth' | 'serverAuth';
  readonly names?: readonly string[];
}

const API_NAMES = ['', '.default', '.default.svc', '.default.svc.cluster.local'].map(
  (rest) => `DNS:kubernetes${rest}`,
);

/** Signed by the authority of the cluster. */
const SUBJECTS: readonly Subject[] = [
  {
    name: 'api',
    subject: '/CN=kube-apiserver',
    use: 'serverAuth',
    names: [`IP:127.0.0.1`, `IP:${NETWORK.node}`, `IP:${NETWORK.api}`, ...API_NAMES],
  },
  {
    name: 'kubelet',
    subject: `/CN=${NODE}`,
    use: 'serverAuth',
    names: [`IP:${NETWORK.node}`, `DNS:${NODE}`],
  },
  { name: 'api-to-kubelet', subject: '/O=kubelet-admins/CN=kube-apiserver', use: 'clientAuth' },
];

/** Clients of the API, each with an access file of its own. */
const CLIENTS: readonly Subject[] = [
  { name: 'admin', subject: '/O=system:masters/CN=admin', use: 'clientAuth' },
  { name: 'node', subject: `/O=system:nodes/CN=system:node:${NODE}`, use: 'clientAuth' },
  { name: 'proxy', subject: '/CN=system:kube-proxy', use: 'clientAuth' },
  { name: 'controllers', subject: '/CN=system:kube-controller-manager', use: 'clientAuth' },
  { name: 'scheduler', subject: '/CN=system:kube-scheduler', use: 'clientAuth' },
];

/** The group that the API server has at the kubelet. */
export const KUBELET_ADMINS = 'kubelet-admins';

/** The file with which a client of the API signs in. */
export const accessOf = (client: string) => join(NODE_HOME, 'access', `${client}.json`);

/** Creates the certificates and access files of the node, unless they are there. */
export function createCertificates(): void {
  const complete = join(FOLDER, 'complete');
  if (existsSync(complete)) return;
  for (const folder of [FOLDER, join(NODE_HOME, 'access')]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  createAuthority('authority', '/CN=omnichannel test cluster');
  for (const subject of [...SUBJECTS, ...CLIENTS]) sign(subject, 'authority');
  // The API server passes the requests for metrics on in the names of their senders. Only a certificate of this
  // second authority may do so, because every client has one of the first.
  createAuthority('front-authority', '/CN=omnichannel test cluster, front');
  sign({ name: 'front', subject: '/CN=front-proxy', use: 'clientAuth' }, 'front-authority');
  openssl('genrsa', '-out', TOKENS.private, '2048');
  openssl('rsa', '-in', TOKENS.private, '-pubout', '-out', TOKENS.public);
  for (const { name } of CLIENTS) writeFileSync(accessOf(name), accessFile(name), { mode: 0o600 });
  writeFileSync(complete, '');
}

function createAuthority(name: string, subject: string): void {
  openssl(
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', DAYS, '-subj', subject],
    ...['-keyout', key(name), '-out', certificate(name)],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  );
}

function sign({ name, subject, use, names = [] }: Subject, authority: string): void {
  const request = join(FOLDER, `${name}.csr`);
  const extensions = join(FOLDER, `${name}.ext`);
  const lines = ['basicConstraints=CA:FALSE', `extendedKeyUsage=${use}`];
  if (names.length > 0) lines.push(`subjectAltName=${names.join(',')}`);
  writeFileSync(extensions, `${lines.join('\n')}\n`);
  openssl(
    ...['req', '-newkey', 'rsa:2048', '-nodes', '-subj', subject],
    ...['-keyout', key(name), '-out', request],
  );
  openssl(
    ...['x509', '-req', '-in', request, '-out', certificate(name), '-days', DAYS],
    ...['-CA', certificate(authority), '-CAkey', key(authority), '-CAcreateserial'],
    ...['-extfile', extensions],
  );
}

/** JSON is YAML, which the clients of Kubernetes read. */
function accessFile(name: string): string {
  const encoded = (file: string) => readFileSync(file).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [
      {
        name: 'test',
        cluster: {
          server: `https://${NETWORK.node}:${API_PORT}`,
          'certificate-authority-data': encoded(certificate('authority')),
        },
      },
    ],
    users: [
      {
        name,
        user: {
          'client-certificate-data': encoded(certificate(name)),
          'client-key-data': encoded(key(name)),
        },
      },
    ],
    contexts: [{ name: 'test', context: { cluster: 'test', user: name } }],
  });
}
