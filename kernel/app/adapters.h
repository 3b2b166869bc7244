#pragma once
/// @file kernel/app/adapters.h
/// The small pieces that let rooms meet which do not know each other: the oauth and registry ports over the key ring and the
/// data keys.
#include "base/watched_clock.h"
#include "keys/data_keys.h"
#include "keys/key_ring.h"
#include "oauth/ports.h"
#include "registry/ports.h"

namespace agentidp::app {

class PeppersPort final : public oauth::Peppers, public registry::Peppers {
public:
    explicit PeppersPort(const keys::Peppers& peppers) : peppers_(peppers) {}
    [[nodiscard]] base::Result<crypto::Digest256> mac(std::string_view pepperId, base::BytesView secret) const override {
        return peppers_.mac(pepperId, secret);
    }
    [[nodiscard]] std::string currentId() const override { return peppers_.currentId(); }

private:
    const keys::Peppers& peppers_;
};

class SignerPort final : public oauth::Signer {
public:
    /// Signs nothing while `clock` cannot be believed: whatever is signed carries its time.
    SignerPort(const keys::KeyRing& ring, const base::WatchedClock& clock) : ring_(ring), clock_(clock) {}
    [[nodiscard]] base::Result<oauth::SignerKey> current() const override {
        const auto snapshot = ring_.snapshot();
        if (!snapshot->active) return base::fail(base::Errc::Unavailable, "no signing key is active");
        return oauth::SignerKey{snapshot->active->kid().str(), std::string(crypto::nameOf(snapshot->active->alg()))};
    }
    [[nodiscard]] base::Result<base::Bytes> sign(const oauth::SignerKey& key, std::string_view signingInput) override {
        if (clock_.stepped()) return base::fail(base::Errc::Unavailable, "the clock of this machine is wrong");
        return ring_.sign(model::KeyId(key.kid), base::bytesOf(signingInput));
    }

private:
    const keys::KeyRing& ring_;
    const base::WatchedClock& clock_;
};

class JwsVerifierPort final : public oauth::JwsVerifier {
public:
    explicit JwsVerifierPort(const keys::KeyRing& ring) : ring_(ring) {}
    [[nodiscard]] base::Result<oauth::VerifiedJws> verify(std::string_view compact) const override {
        auto verified = ring_.verify(compact);
        if (!verified) {
            auto error = std::move(verified).error();
            if (error.code == base::Errc::TooLarge) error.code = base::Errc::Unauthenticated;
            return error;
        }
        return oauth::VerifiedJws{verified->header.kid, verified->header.alg, verified->header.typ,
                                  std::string(base::textOf(verified->payload))};
    }
    [[nodiscard]] bool trusts(std::string_view kid) const override { return ring_.trusts(kid); }

private:
    const keys::KeyRing& ring_;
};

}  // namespace agentidp::app
