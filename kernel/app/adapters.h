#pragma once
/// @file kernel/app/adapters.h
/// The small pieces that let rooms meet which do not know each other: the oauth and registry ports over the key ring and the
/// data keys.
#include <atomic>

#include "base/watched_clock.h"
#include "crypto/bcrypt.h"
#include "keys/data_keys.h"
#include "keys/key_ring.h"
#include "oauth/ports.h"
#include "plugin/silence.h"
#include "registry/ports.h"
#include "secrets/client_secrets.h"

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

/// At most two comparisons at a time, whoever asks: bcrypt must not take the pool, nor the machine.
class BcryptPort final : public oauth::SlowHashes {
public:
    [[nodiscard]] base::Result<bool> matches(std::string_view hash, base::BytesView secret) const override {
        constexpr int kAtOnce = 2;
        const struct Place {
            std::atomic<int>& busy;
            bool taken;
            ~Place() { busy.fetch_sub(1); }
        } place{busy_, busy_.fetch_add(1) < kAtOnce};
        if (!place.taken) return base::fail(base::Errc::TooMany, "too many imported secrets are being compared");
        return crypto::bcryptMatches(hash, secret);
    }

private:
    mutable std::atomic<int> busy_{0};
};

class VaultedSecretsPort final : public registry::VaultedSecrets {
public:
    VaultedSecretsPort(secrets::ClientSecrets& secrets, bool keepsNew) : secrets_(secrets), keepsNew_(keepsNew) {}
    [[nodiscard]] bool keepsNew() const override { return keepsNew_; }
    [[nodiscard]] base::Result<registry::SecretMac> macOf(const std::string& path) override {
        auto held = secrets_.macOf(path);
        if (!held) return std::move(held).error();
        return registry::SecretMac{std::move(held->pepperId), base::Bytes(held->mac.begin(), held->mac.end())};
    }

private:
    secrets::ClientSecrets& secrets_;
    bool keepsNew_;
};

class SignerPort final : public oauth::Signer {
public:
    /// Signs nothing while `clock` cannot be believed, since whatever is signed carries its time, nor once `silence` was too long.
    SignerPort(const keys::KeyRing& ring, const plugin::Silence& silence, const base::WatchedClock& clock)
        : ring_(ring), silence_(silence), clock_(clock) {}
    [[nodiscard]] base::Result<oauth::SignerKey> current() const override {
        if (silence_.tooLong())
            return base::fail(base::Errc::Unavailable, "the backend of the keys plugin has not answered for backends.max_offline_seconds");
        if (clock_.stepped()) return base::fail(base::Errc::Unavailable, "the clock of this machine is wrong");
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
    const plugin::Silence& silence_;
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
