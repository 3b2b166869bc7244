#pragma once
/// @file tests/fakes/fake_keys.h
/// plugin::Keys in memory on real OpenSSL keys; passes keysContract. Any thread.
#include <memory>
#include <optional>

#include "base/clock.h"
#include "plugin/keys.h"

namespace agentidp::tests {

class FakeKeys final : public plugin::Keys {
public:
    /// What may go wrong with a keys plugin.
    enum class Fault {
        None,
        Unavailable,   ///< every call answers Errc::Unavailable
        WrongKey,      ///< sign uses another held key of the same algorithm, and says so
        BadSignature,  ///< sign changes a bit of what it made
        HungSign       ///< sign answers Errc::Deadline
    };

    explicit FakeKeys(plugin::KeysAbilities abilities = everything());
    ~FakeKeys() override;
    [[nodiscard]] static plugin::KeysAbilities everything();
    /// A fresh instance over the same backing, as after a restart. This one may be destroyed.
    [[nodiscard]] std::unique_ptr<FakeKeys> reopened() const;

    void breakWith(Fault fault);
    [[nodiscard]] std::size_t signatures() const;  ///< made so far, by this backing

    [[nodiscard]] std::string name() const override { return "fake"; }
    [[nodiscard]] const plugin::KeysAbilities& abilities() const override { return abilities_; }
    base::Result<plugin::HeldKey> generate(std::string_view alg, const plugin::Call& call) override;
    base::Result<plugin::HeldKey> import(std::string_view alg, const base::Secret& pkcs8, const plugin::Call& call) override;
    base::Result<std::vector<plugin::HeldKey>> list(const plugin::Call& call) override;
    base::Result<plugin::Signed> sign(std::string_view fingerprint, base::BytesView data, const plugin::Call& call) override;
    base::Result<void> retire(std::string_view fingerprint, const plugin::Call& call) override;
    base::Result<base::Bytes> wrap(const base::Secret& plain, std::string_view aad, const plugin::Call& call) override;
    base::Result<base::Secret> unwrap(base::BytesView wrapped, std::string_view aad, const plugin::Call& call) override;
    base::Result<base::Secret> exportPrivate(std::string_view fingerprint, const plugin::Call& call) override;
    base::Result<void> health(const plugin::Call& call) override;

private:
    struct Backing;
    FakeKeys(plugin::KeysAbilities abilities, std::shared_ptr<Backing> backing);
    [[nodiscard]] std::optional<base::Error> outage() const;

    plugin::KeysAbilities abilities_;
    std::shared_ptr<Backing> backing_;
};

}  // namespace agentidp::tests
