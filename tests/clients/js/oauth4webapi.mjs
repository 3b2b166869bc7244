// oauth4webapi: the strict low-level client, and its validator of RFC 9068 access tokens with a JWKS cache of its own.
import { strict as assert } from 'node:assert';
import * as oauth from 'oauth4webapi';
import { alg, checkClaims, clientId, clientSecret, issuer, refused, scope, shown, withOtherClaims, withOtherSignature } from './judge.mjs';

const insecure = { [oauth.allowInsecureRequests]: true };
const identifier = new URL(issuer);
const server = await oauth.processDiscoveryResponse(identifier, await oauth.discoveryRequest(identifier, { algorithm: 'oauth2', ...insecure }));
for (const member of ['token_endpoint', 'introspection_endpoint', 'revocation_endpoint', 'jwks_uri'])
  assert.ok(server[member]?.startsWith(issuer), `${member} is not of the issuer`);
shown('discovery');

const client = { client_id: clientId };
const grant = async (authentication, parameters = {}) =>
  oauth.processClientCredentialsResponse(server, client, await oauth.clientCredentialsGrantRequest(server, client, authentication, parameters, insecure));
const basic = oauth.ClientSecretBasic(clientSecret);
const post = oauth.ClientSecretPost(clientSecret);
const byBasic = await grant(basic, { scope });
assert.equal(byBasic.scope, scope);
shown('basic');
const byPost = await grant(post);
shown('post');

const cache = {};
const verify = (token) =>
  oauth.validateJwtAccessToken(server, new Request('http://127.0.0.1/', { headers: { authorization: `Bearer ${token}` } }), issuer, {
    [oauth.jwksCache]: cache,
    signingAlgorithms: [alg],
    ...insecure,
  });
checkClaims(await verify(byBasic.access_token));
const fetched = cache.uat;
assert.ok(fetched, 'the JWKS was not kept');
await verify(byPost.access_token);
assert.equal(cache.uat, fetched, 'the JWKS was fetched again for a key it held');
shown('verified');

const introspect = async (authentication, token) =>
  oauth.processIntrospectionResponse(server, client, await oauth.introspectionRequest(server, client, authentication, token, insecure));
for (const changed of [withOtherSignature(byBasic.access_token), withOtherClaims(byBasic.access_token)]) {
  await refused('a changed token', () => verify(changed), (error) => /signature/i.test(error.message));
  assert.deepEqual(await introspect(basic, changed), { active: false });
}
shown('tampered');

const alive = await introspect(post, byBasic.access_token);
assert.equal(alive.active, true);
checkClaims(alive);
shown('introspected');

await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, post, byBasic.access_token, insecure));
shown('revoked');
assert.deepEqual(await introspect(basic, byBasic.access_token), { active: false });
assert.equal((await introspect(basic, byPost.access_token)).active, true, 'revoking one token ended another');
shown('inactive');

await refused(
  'a wrong secret by basic',
  () => grant(oauth.ClientSecretBasic(clientSecret + 'x')),
  (error) => error.error === 'invalid_client' || (error.status === 401 && error.cause?.[0]?.scheme === 'basic'),
);
await refused('a wrong secret by post', () => grant(oauth.ClientSecretPost(clientSecret + 'x')), (error) => error.error === 'invalid_client');
shown('wrong-secret');
