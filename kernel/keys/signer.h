#pragma once
/// @file kernel/keys/signer.h
/// One private key at work: in this process, or behind a keys plugin that keeps it. What a signer hands out has been checked
/// as often as its kind needs (a P-256 verification costs three signatures).
#include <atomic>
#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "jose/jwk.h"
#include "plugin/keys.h"

namespace agentidp::keys {

/// Where the key that signs comes from.
enum class KeySource {
    Env,        ///< the configuration: a pinned key
    Generated,  ///< made by a keys plugin, at work in this process
    Plugin      ///< stays in a keys plugin, which signs
};
/// "env", "generated", "plugin".
[[nodiscard]] std::string_view nameOf(KeySource source);

/// Any thread may sign at once.
class Signer {
public:
    explicit Signer(jose::VerificationKey verification) : verification_(std::move(verification)) {}
    virtual ~Signer() = default;
    Signer(const Signer&) = delete;
    Signer& operator=(const Signer&) = delete;

    [[nodiscard]] const jose::VerificationKey& verification() const { return verification_; }
    [[nodiscard]] const model::KeyId& kid() const { return verification_.kid; }
    [[nodiscard]] crypto::Algorithm alg() const { return verification_.alg; }
    [[nodiscard]] virtual KeySource source() const = 0;
    [[nodiscard]] bool local() const { return source() != KeySource::Plugin; }
    /// True if a signature takes so long (RSA) or waits for somebody (a plugin), that it does not belong on an event loop.
    [[nodiscard]] bool blocks() const { return !local() || verification_.key.type() == crypto::KeyType::Rsa; }

    /// A JWS signature value, not verified.
    [[nodiscard]] virtual base::Result<base::Bytes> make(base::BytesView data) const = 0;
    /// The same, verified with the public key before anybody sees it. Errc::Internal if it does not verify.
    [[nodiscard]] base::Result<base::Bytes> makeChecked(base::BytesView data) const;

private:
    jose::VerificationKey verification_;
};

/// Takes the key out of the plugin where the plugin allows it, else signs through it. The private part must belong to
/// `verification`. `keys` outlives the signer.
[[nodiscard]] base::Result<std::shared_ptr<const Signer>> openSigner(plugin::Keys& keys, const std::string& fingerprint,
                                                                     const jose::VerificationKey& verification, const base::Clock& clock);

/// For a key the configuration holds. Internal: the private part does not belong to `verification`.
[[nodiscard]] base::Result<std::shared_ptr<const Signer>> pinnedSigner(crypto::PrivateKey key, const jose::VerificationKey& verification);

}  // namespace agentidp::keys
