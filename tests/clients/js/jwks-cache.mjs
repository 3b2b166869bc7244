// jose as a resource server that caches the JWKS for its max-age and fetches it only then: each line of stdin is a token to verify. Says at
// the end of stdin, as one JSON line, how many verified, how many had a kid the cached JWKS did not hold, and how many failed otherwise.
import { createInterface } from 'node:readline';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const [url, issuer, maxAgeSeconds] = process.argv.slice(2);
const keys = createRemoteJWKSet(new URL(url), { cacheMaxAge: Number(maxAgeSeconds) * 1000, cooldownDuration: 3600_000 });
const told = { verified: 0, unknown_kid: 0, failed: 0, why: '' };

for await (const token of createInterface({ input: process.stdin })) {
  try {
    await jwtVerify(token, keys, { issuer, typ: 'at+jwt', requiredClaims: ['jti', 'exp', 'client_id'] });
    told.verified++;
  } catch (error) {
    if (error.code === 'ERR_JWKS_NO_MATCHING_KEY') told.unknown_kid++;
    else told.failed++;
    told.why ||= `${error.code}: ${error.message}`;
  }
}
console.log(JSON.stringify(told));
