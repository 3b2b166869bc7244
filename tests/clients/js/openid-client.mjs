// openid-client: discovery, both ways of client authentication, introspection, revocation. It does not verify access tokens
// itself; the token is verified by its sibling `jose` against the JWKS that its discovery found.
import { strict as assert } from 'node:assert';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { alg, checkClaims, clientId, clientSecret, issuer, refused, rotated, scope, shown, withOtherClaims, withOtherSignature } from './judge.mjs';

const discover = (secret, method) =>
  client.discovery(new URL(issuer), clientId, undefined, method(secret), { algorithm: 'oauth2', execute: [client.allowInsecureRequests] });

const basic = await discover(clientSecret, client.ClientSecretBasic);
const metadata = basic.serverMetadata();
assert.equal(metadata.issuer, issuer);
shown('discovery');

const byBasic = await client.clientCredentialsGrant(basic, { scope });
assert.equal(byBasic.token_type, 'bearer');
assert.equal(byBasic.scope, scope);
assert.ok(byBasic.expiresIn() > 0);
shown('basic');

const post = await discover(clientSecret, client.ClientSecretPost);
const byPost = await client.clientCredentialsGrant(post);
shown('post');

const keys = createRemoteJWKSet(new URL(metadata.jwks_uri), { cooldownDuration: 0 });
const verify = (token) => jwtVerify(token, keys, { issuer, audience: issuer, typ: 'at+jwt', algorithms: [alg] });
checkClaims((await verify(byBasic.access_token)).payload);
await verify(byPost.access_token);
shown('verified');

for (const changed of [withOtherSignature(byBasic.access_token), withOtherClaims(byBasic.access_token)]) {
  await refused('a changed token', () => verify(changed), (error) => error.code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED');
  assert.deepEqual(await client.tokenIntrospection(basic, changed), { active: false });
}
shown('tampered');

const alive = await client.tokenIntrospection(basic, byBasic.access_token);
assert.equal(alive.active, true);
checkClaims(alive);
shown('introspected');

await client.tokenRevocation(basic, byBasic.access_token);
shown('revoked');
assert.deepEqual(await client.tokenIntrospection(basic, byBasic.access_token), { active: false });
assert.equal((await client.tokenIntrospection(post, byPost.access_token)).active, true, 'revoking one token ended another');
shown('inactive');

// A 401 to Basic carries a challenge, which this library reports instead of the body.
await refused(
  'a wrong secret by basic',
  async () => client.clientCredentialsGrant(await discover(clientSecret + 'x', client.ClientSecretBasic)),
  (error) => error.error === 'invalid_client' || (error.status === 401 && error.cause?.[0]?.scheme === 'basic'),
);
await refused(
  'a wrong secret by post',
  async () => client.clientCredentialsGrant(await discover(clientSecret + 'x', client.ClientSecretPost)),
  (error) => error.error === 'invalid_client',
);
shown('wrong-secret');

await rotated();
const later = await client.clientCredentialsGrant(basic);
assert.notEqual((await verify(later.access_token)).protectedHeader.kid, (await verify(byPost.access_token)).protectedHeader.kid);
shown('new-key');
