// The peer of the benchmark: oidc-provider as its documentation sets it up for machines. One process, its own memory adapter,
// client_credentials, ES256 access tokens as JWTs by a resource indicator; a second resource gets opaque tokens, because the
// library introspects no others. Prints `listening PORT`, serves until it is ended.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [clientId, clientSecret] = process.argv.slice(2);
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
const resources = {
  'urn:bench:jwt': { scope: 'agents:read', audience: 'urn:bench:jwt', accessTokenFormat: 'jwt', accessTokenTTL: 3600, jwt: { sign: { alg: 'ES256' } } },
  'urn:bench:opaque': { scope: 'agents:read', audience: 'urn:bench:opaque', accessTokenFormat: 'opaque', accessTokenTTL: 3600 },
};

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: { keys: [{ ...key, alg: 'ES256', use: 'sig' }] },
    scopes: ['agents:read'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:bench:jwt',
        getResourceServerInfo: (_context, resource) => resources[resource],
      },
    },
  });
  server.on('request', provider.callback());
  console.log(`listening ${port}`);
});
process.on('SIGTERM', () => process.exit(0));
