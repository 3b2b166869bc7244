// jose: an offline verifier with a cached JWKS, as a resource server has it. The OAuth requests are bare fetches, so that what
// is judged is the token and the JWKS alone.
import { strict as assert } from 'node:assert';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import { alg, checkClaims, clientId, clientSecret, issuer, refused, rotated, scope, shown, withOtherClaims, withOtherSignature } from './judge.mjs';

const metadata = await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json();
assert.equal(metadata.issuer, issuer);
shown('discovery');

const authorization = 'Basic ' + Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
async function ask(endpoint, form, headers = { authorization }) {
  const answer = await fetch(metadata[endpoint], { method: 'POST', headers, body: new URLSearchParams(form) });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : undefined };
}
const granted = await ask('token_endpoint', { grant_type: 'client_credentials', scope });
assert.equal(granted.status, 200);
const token = granted.body.access_token;
shown('basic');
const posted = await ask('token_endpoint', { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }, {});
assert.equal(posted.status, 200);
shown('post');

let fetches = 0;
const counting = (...all) => (++fetches, fetch(...all));
const { customFetch } = await import('jose');
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri), { cooldownDuration: 0, [customFetch]: counting });
const options = { issuer, audience: issuer, subject: clientId, typ: 'at+jwt', algorithms: [alg], requiredClaims: ['jti', 'exp', 'iat', 'client_id'] };
const verify = (text, more = {}) => jwtVerify(text, keys, { ...options, ...more });
const verified = await verify(token);
checkClaims(verified.payload);
assert.deepEqual(Object.keys(verified.protectedHeader).sort(), ['alg', 'kid', 'typ']);
await verify(posted.body.access_token);
assert.equal(fetches, 1, 'the JWKS was not cached');
shown('verified');

const badSignature = (error) => error.code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED';
for (const changed of [withOtherSignature(token), withOtherClaims(token)]) {
  await refused('a changed token', () => verify(changed), badSignature);
  assert.deepEqual((await ask('introspection_endpoint', { token: changed })).body, { active: false });
}
await refused('another audience', () => verify(token, { audience: 'https://other.example' }), (error) => error.claim === 'aud');
await refused('another issuer', () => verify(token, { issuer: 'https://other.example' }), (error) => error.claim === 'iss');
await refused('tomorrow', () => verify(token, { currentDate: new Date(Date.now() + 86400e3) }), (error) => error.code === 'ERR_JWT_EXPIRED');
shown('tampered');

// A token of our claims under HMAC, keyed with the public key as the JWKS spells it: the oldest confusion there is.
const jwk = (await (await fetch(metadata.jwks_uri)).json()).keys[0];
const confused = await new SignJWT(verified.payload)
  .setProtectedHeader({ alg: 'HS256', kid: jwk.kid, typ: 'at+jwt' })
  .sign(new TextEncoder().encode(JSON.stringify(jwk)));
assert.deepEqual((await ask('introspection_endpoint', { token: confused })).body, { active: false });
shown('confused');

const alive = await ask('introspection_endpoint', { token });
assert.equal(alive.body.active, true);
checkClaims(alive.body);
shown('introspected');
assert.equal((await ask('revocation_endpoint', { token, token_type_hint: 'access_token' })).status, 200);
shown('revoked');
assert.deepEqual((await ask('introspection_endpoint', { token })).body, { active: false });
shown('inactive');

const wrong = await ask('token_endpoint', { grant_type: 'client_credentials' }, { authorization: 'Basic ' + Buffer.from(`${clientId}:no`).toString('base64') });
assert.equal(wrong.status, 401);
assert.equal(wrong.body.error, 'invalid_client');
shown('wrong-secret');

await rotated();
const later = (await ask('token_endpoint', { grant_type: 'client_credentials' })).body.access_token;
assert.notEqual(decodeProtectedHeader(later).kid, verified.protectedHeader.kid);
await verify(later);
await verify(token);
assert.equal(fetches, 2, 'the key that was there before had to be fetched again');
shown('new-key');
