// What every judge in JavaScript shares: who it is, how it says what it has shown, and how it asks for a new signing key.
import { strict as assert } from 'node:assert';
import { createInterface } from 'node:readline';

const wanted = (name) => {
  assert.ok(process.env[name], `${name} is not set`);
  return process.env[name];
};

export const issuer = wanted('JUDGE_ISSUER');
export const clientId = wanted('JUDGE_CLIENT_ID');
export const clientSecret = wanted('JUDGE_CLIENT_SECRET');
export const alg = wanted('JUDGE_ALG');
export const scope = wanted('JUDGE_SCOPE');

export const shown = (step) => console.log(step);

/** The error a call must end with; `saysWhy` looks at it, so that a refusal for another reason is no success. */
export async function refused(what, call, saysWhy) {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    assert.ok(saysWhy(error), `${what}: refused for another reason: ${error.code ?? ''} ${error.message}`);
    return;
  }
  assert.fail(`${what} was accepted: ${JSON.stringify(answer)}`);
}

/** One character inside the signature: the last one would do nothing, since its low bits are no part of the value. */
export function withOtherSignature(token) {
  const at = token.lastIndexOf('.') + 10;
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
}

/** The same signature over other claims. */
export function withOtherClaims(token) {
  const [header, payload, signature] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url'));
  claims.scope = 'admin:orgs';
  return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
}

export function checkClaims(claims) {
  assert.equal(claims.iss, issuer);
  assert.equal(claims.sub, clientId);
  assert.equal(claims.client_id, clientId);
  assert.equal(claims.scope, scope);
  assert.ok(claims.exp > claims.iat && claims.jti, 'exp, iat or jti is missing');
}

/** Resolves when the runner has made the daemon sign with a new key. */
export async function rotated() {
  console.log('please rotate');
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    lines.close();
    assert.equal(line, 'rotated');
    return;
  }
  assert.fail('the runner went away');
}
