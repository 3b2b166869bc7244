#pragma once
/// @file tests/fakes/fake_oauth.h
/// The ports of kernel/oauth with real cryptography behind them and nothing else: a map of clients, two peppers, one P-256
/// key, a set of revoked ids. Each can be told to fail. One thread, except where a test says otherwise.
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/ids.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "jose/jws.h"
#include "oauth/ports.h"

namespace agentidp::tests {

class FakePeppers final : public oauth::Peppers {
public:
    [[nodiscard]] base::Result<crypto::Digest256> mac(std::string_view pepperId, base::BytesView secret) const override {
        ++calls;
        const auto found = peppers.find(pepperId);
        if (found == peppers.end()) return base::fail(base::Errc::NotFound, "", "no such pepper");
        return found->second.mac(secret);
    }
    [[nodiscard]] std::string currentId() const override { return current; }

    std::map<std::string, crypto::HmacSha256, std::less<>> peppers = make();
    std::string current = "pepper-2";
    mutable int calls = 0;

private:
    static std::map<std::string, crypto::HmacSha256, std::less<>> make() {
        std::map<std::string, crypto::HmacSha256, std::less<>> out;
        out.emplace("pepper-1", crypto::HmacSha256(base::bytesOf("first pepper")));
        out.emplace("pepper-2", crypto::HmacSha256(base::bytesOf("second pepper")));
        return out;
    }
};

/// "hash of X" is the hash of X.
class FakeSlowHashes final : public oauth::SlowHashes {
public:
    [[nodiscard]] base::Result<bool> matches(std::string_view hash, base::BytesView secret) const override {
        ++calls;
        if (failure) return *failure;
        if (!hash.starts_with("hash of ")) return base::fail(base::Errc::Invalid, "no hash");
        return hash.substr(8) == base::textOf(secret);
    }
    std::optional<base::Error> failure;
    mutable int calls = 0;
};

class FakeClients final : public oauth::Clients {
public:
    [[nodiscard]] base::Result<oauth::ClientPtr> find(const model::AgentId& id) override {
        ++calls;
        if (failure) return *failure;
        const auto found = clients.find(id.str());
        if (found == clients.end()) return base::fail(base::Errc::NotFound, "no such object");
        return found->second;
    }
    /// Replaces the client by a changed copy.
    template <class Change>
    void change(const std::string& id, Change change) {
        oauth::Client copy = *clients.at(id);
        change(copy);
        clients[id] = std::make_shared<const oauth::Client>(std::move(copy));
    }

    std::map<std::string, oauth::ClientPtr> clients;
    std::optional<base::Error> failure;
    int calls = 0;
};

class FakeSigner final : public oauth::Signer {
public:
    [[nodiscard]] base::Result<oauth::SignerKey> current() const override {
        if (failure) return *failure;
        return oauth::SignerKey{kid, "ES256"};
    }
    [[nodiscard]] base::Result<base::Bytes> sign(const oauth::SignerKey&, std::string_view signingInput) override {
        if (failure) return *failure;
        return key.sign(crypto::Algorithm::Es256, base::bytesOf(signingInput));
    }

    crypto::PrivateKey key = crypto::PrivateKey::generate(crypto::Algorithm::Es256).value();
    std::string kid = "key-of-the-test";
    std::optional<base::Error> failure;
};

class FakeJwsVerifier final : public oauth::JwsVerifier {
public:
    explicit FakeJwsVerifier(const FakeSigner& signer) : key_{model::KeyId(signer.kid), crypto::Algorithm::Es256, signer.key.publicKey()} {}

    [[nodiscard]] base::Result<oauth::VerifiedJws> verify(std::string_view compact) const override {
        ++calls;
        if (failure) return *failure;
        auto jws = jose::verifyJws(compact, key_);
        if (!jws) return std::move(jws).error();
        return oauth::VerifiedJws{jws->header.kid, jws->header.alg, jws->header.typ, std::string(base::textOf(jws->payload))};
    }
    [[nodiscard]] bool trusts(std::string_view kid) const override { return !distrusted.contains(std::string(kid)); }

    std::set<std::string> distrusted;
    std::optional<base::Error> failure;
    mutable int calls = 0;

private:
    jose::VerificationKey key_;
};

class FakeRevocations final : public oauth::Revocations {
public:
    [[nodiscard]] base::Result<bool> isRevoked(std::string_view jti) const override {
        if (failure) return *failure;
        return revoked.contains(std::string(jti));
    }

    std::set<std::string> revoked;
    std::optional<base::Error> failure;
};

class FakeBudgets final : public oauth::Budgets {
public:
    [[nodiscard]] base::Result<oauth::Taken> takeRequest(const oauth::Client&, base::Instant now, const oauth::Charge& charge) override {
        if (failure) return *failure;
        charged = charge;
        const bool allowed = (requests += charge.cost) <= limit;
        return oauth::Taken{allowed, {limit, std::max<std::int64_t>(0, limit - requests), now + base::seconds(30)}};
    }
    [[nodiscard]] base::Result<oauth::Taken> countToken(const oauth::Client&, base::Instant now) override {
        if (failure) return *failure;
        const bool allowed = ++tokens <= quota;
        return oauth::Taken{allowed, {quota, std::max<std::int64_t>(0, quota - tokens), now + base::seconds(86400)}};
    }

    oauth::Charge charged;  ///< the last one
    std::int64_t limit = 100;
    std::int64_t quota = 10000;
    std::int64_t requests = 0;
    std::int64_t tokens = 0;
    std::optional<base::Error> failure;
};

}  // namespace agentidp::tests
