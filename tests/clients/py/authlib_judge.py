"""Authlib: its session for the grant, introspection and revocation, its model of RFC 8414 metadata, and its validator of RFC 9068
access tokens. AUTHLIB_INSECURE_TRANSPORT, which the runner sets, is its switch for http."""
import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc6749.errors import OAuth2Error
from authlib.oauth2.rfc6750.errors import InvalidTokenError
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from judge import ALG, CLIENT_ID, CLIENT_SECRET, ISSUER, SCOPE, check_claims, refused, rotated, shown, with_other_claims, with_other_signature

document = requests.get(get_well_known_url(ISSUER, external=True, suffix="oauth-authorization-server"), timeout=10).json()
metadata = AuthorizationServerMetadata(document)
# Not validate(): it demands an authorization_endpoint, which a server without a grant that uses one omits (RFC 8414 section 2).
for part in ("issuer", "token_endpoint", "jwks_uri", "grant_types_supported", "token_endpoint_auth_methods_supported", "revocation_endpoint",
             "introspection_endpoint", "revocation_endpoint_auth_methods_supported", "introspection_endpoint_auth_methods_supported",
             "scopes_supported"):
    getattr(metadata, "validate_" + part)()
assert metadata["issuer"] == ISSUER, metadata
shown("discovery")


def session(method, secret=CLIENT_SECRET):
    return OAuth2Session(CLIENT_ID, secret, scope=SCOPE, token_endpoint_auth_method=method, revocation_endpoint_auth_method=method)


basic, post = session("client_secret_basic"), session("client_secret_post")
by_basic = basic.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
assert by_basic["scope"] == SCOPE and by_basic["expires_in"] > 0, by_basic
token = by_basic["access_token"]
shown("basic")
by_post = post.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
shown("post")


class Validator(JWTBearerTokenValidator):
    fetches = 0
    kept = None

    def get_jwks(self):
        if self.kept is None:
            self.fetches += 1
            self.kept = requests.get(metadata["jwks_uri"], timeout=10).json()
        return self.kept


validator = Validator(issuer=ISSUER, resource_server=ISSUER)


def verify(text):
    claims = validator.authenticate_token(text)
    validator.validate_token(claims, [SCOPE.split()[0]], None)
    assert claims.header["alg"] == ALG, claims.header
    return claims


check_claims(verify(token))
check_claims(verify(by_post["access_token"]))
assert validator.fetches == 1
shown("verified")


def introspected(text, by):
    return by.introspect_token(metadata["introspection_endpoint"], token=text).json()


for changed in (with_other_signature(token), with_other_claims(token)):
    refused("a changed token", InvalidTokenError, lambda changed=changed: verify(changed))
    assert introspected(changed, basic) == {"active": False}
shown("tampered")

alive = introspected(token, post)
assert alive["active"] is True, alive
check_claims(alive)
shown("introspected")

assert basic.revoke_token(metadata["revocation_endpoint"], token=token).status_code == 200
shown("revoked")
assert introspected(token, basic) == {"active": False}
assert introspected(by_post["access_token"], basic)["active"] is True, "revoking one token ended another"
shown("inactive")

for method in ("client_secret_basic", "client_secret_post"):
    error = refused("a wrong secret", (OAuthError, OAuth2Error),
                    lambda method=method: session(method, CLIENT_SECRET + "x").fetch_token(metadata["token_endpoint"], grant_type="client_credentials"))
    assert error.error == "invalid_client", error
shown("wrong-secret")

rotated()
later = basic.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")["access_token"]
refused("a key that the cache does not hold", (InvalidTokenError, ValueError), lambda: verify(later))
validator.kept = None
check_claims(verify(later))
check_claims(verify(by_post["access_token"]))
shown("new-key")
