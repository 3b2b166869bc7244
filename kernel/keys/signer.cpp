#include "keys/signer.h"

namespace agentidp::keys {
namespace {

using base::Bytes;
using base::BytesView;
using base::Errc;
using base::fail;

constexpr base::milliseconds kSignWithin{2000};
constexpr base::milliseconds kExportWithin{10000};

class LocalSigner final : public Signer {
public:
    LocalSigner(const jose::VerificationKey& verification, crypto::PrivateKey key, KeySource source)
        : Signer(verification), key_(std::move(key)), source_(source) {}
    [[nodiscard]] KeySource source() const override { return source_; }
    [[nodiscard]] base::Result<Bytes> make(BytesView data) const override { return key_.sign(alg(), data); }

private:
    crypto::PrivateKey key_;
    KeySource source_;
};

class RemoteSigner final : public Signer {
public:
    RemoteSigner(const jose::VerificationKey& verification, plugin::Keys& keys, std::string fingerprint, const base::Clock& clock)
        : Signer(verification), keys_(keys), fingerprint_(std::move(fingerprint)), clock_(clock) {}
    [[nodiscard]] KeySource source() const override { return KeySource::Plugin; }
    [[nodiscard]] base::Result<Bytes> make(BytesView data) const override {
        auto made = keys_.sign(fingerprint_, data, plugin::callWithin(clock_, kSignWithin));
        if (!made) return std::move(made).error();
        if (made->fingerprint != fingerprint_)
            return fail(Errc::Internal, "",
                        "keys plugin " + keys_.name() + " signed with key " + made->fingerprint + " instead of " + fingerprint_);
        return std::move(made->signature);
    }

private:
    plugin::Keys& keys_;
    std::string fingerprint_;
    const base::Clock& clock_;
};

}  // namespace

std::string_view nameOf(KeySource source) {
    switch (source) {
        case KeySource::Env: return "env";
        case KeySource::Generated: return "generated";
        case KeySource::Plugin: break;
    }
    return "plugin";
}

base::Result<Bytes> Signer::makeChecked(BytesView data) const {
    auto signature = make(data);
    if (signature && !verification_.key.verify(alg(), data, *signature))
        return fail(Errc::Internal, "", "a signature of key " + kid().str() + " does not verify with its public key");
    return signature;
}

base::Result<std::shared_ptr<const Signer>> openSigner(plugin::Keys& keys, const std::string& fingerprint,
                                                       const jose::VerificationKey& verification, const base::Clock& clock) {
    if (keys.abilities().exportable) {
        const auto pkcs8 = keys.exportPrivate(fingerprint, plugin::callWithin(clock, kExportWithin));
        if (pkcs8) {
            auto key = crypto::PrivateKey::fromPkcs8(pkcs8->view());
            if (!key) return std::move(key).error();
            if (!(key->publicKey() == verification.key))
                return fail(Errc::Internal, "", "keys plugin " + keys.name() + " exported another key than " + fingerprint);
            return std::shared_ptr<const Signer>(std::make_shared<LocalSigner>(verification, std::move(*key), KeySource::Generated));
        }
        if (pkcs8.error().code != Errc::Unsupported) return pkcs8.error();
    }
    return std::shared_ptr<const Signer>(std::make_shared<RemoteSigner>(verification, keys, fingerprint, clock));
}

base::Result<std::shared_ptr<const Signer>> pinnedSigner(crypto::PrivateKey key, const jose::VerificationKey& verification) {
    if (!(key.publicKey() == verification.key))
        return fail(Errc::Internal, "", "the private part of pinned key " + verification.kid.str() + " is another key's");
    return std::shared_ptr<const Signer>(std::make_shared<LocalSigner>(verification, std::move(key), KeySource::Env));
}

}  // namespace agentidp::keys
