#pragma once
/// @file kernel/oauth/ports.h
/// What the OAuth rules need of the rest of the house. app/wiring connects them; unit tests bring fakes.
/// All are called from any thread at once. None writes anything.
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "crypto/hash.h"
#include "model/ids.h"
#include "oauth/client.h"
#include "oauth/oauth_error.h"

namespace agentidp::oauth {

/// May block where the client is not cached: the server peeks first and moves the request to a pool thread.
class Clients {
public:
    virtual ~Clients() = default;
    /// NotFound, Unavailable, Deadline.
    [[nodiscard]] virtual base::Result<ClientPtr> find(const model::AgentId& id) = 0;
};

/// HMAC-SHA-256 under the data keys that client secrets are kept with. Never blocks; costs the same for every input of one length.
class Peppers {
public:
    virtual ~Peppers() = default;
    /// NotFound: no such pepper is held.
    [[nodiscard]] virtual base::Result<crypto::Digest256> mac(std::string_view pepperId, base::BytesView secret) const = 0;
    /// The pepper new secrets get.
    [[nodiscard]] virtual std::string currentId() const = 0;
};

/// bcrypt hashes of imported secrets, which are worked out until the first use of each. Blocks for tenths of a second.
class SlowHashes {
public:
    virtual ~SlowHashes() = default;
    /// TooMany: as many are being worked out as may be at once. Invalid: no hash that can be.
    [[nodiscard]] virtual base::Result<bool> matches(std::string_view hash, base::BytesView secret) const = 0;
};

/// Names the key a token will be signed with.
struct SignerKey {
    std::string kid;
    std::string alg;
};

/// The key ring. sign() may block for a remote or slow (RSA) key.
class Signer {
public:
    virtual ~Signer() = default;
    /// Unavailable: no key may sign now (rollback alarm, none active).
    [[nodiscard]] virtual base::Result<SignerKey> current() const = 0;
    /// A JWS signature value over `signingInput`, by exactly that key.
    [[nodiscard]] virtual base::Result<base::Bytes> sign(const SignerKey& key, std::string_view signingInput) = 0;
};

struct VerifiedJws {
    std::string kid;
    std::string alg;
    std::string typ;      ///< empty where the header has none
    std::string payload;  ///< bytes, not yet parsed
};

/// Compact JWS against our own public keys: strict header, the key's own algorithm only.
class JwsVerifier {
public:
    virtual ~JwsVerifier() = default;
    /// Unauthenticated: anything about the token is wrong. Unavailable: it could not be said.
    [[nodiscard]] virtual base::Result<VerifiedJws> verify(std::string_view compact) const = 0;
    /// False once the key was retired as compromised or is gone. Cheap: asked on every cached token.
    [[nodiscard]] virtual bool trusts(std::string_view kid) const = 0;
};

class Revocations {
public:
    virtual ~Revocations() = default;
    /// Held in process; never blocks. Unavailable past the allowed staleness: the caller fails closed.
    [[nodiscard]] virtual base::Result<bool> isRevoked(std::string_view jti) const = 0;
};

struct Taken {
    bool allowed = false;
    BudgetState state;
};

/// What one request costs, where a hook says so.
struct Charge {
    std::int64_t cost = 1;
    /// Another budget of the client's organization that the request comes out of as well, of the same size; empty: none.
    std::string alsoFrom;
};

/// Rate limits and quotas of one client. May block where the plugin does. Any error denies.
class Budgets {
public:
    virtual ~Budgets() = default;
    /// One request out of the client's minute.
    [[nodiscard]] virtual base::Result<Taken> takeRequest(const Client& client, base::Instant now, const Charge& charge) = 0;
    /// One token out of the client's month (the pre-check; the ledger's tally is the truth).
    [[nodiscard]] virtual base::Result<Taken> countToken(const Client& client, base::Instant now) = 0;
};

}  // namespace agentidp::oauth
