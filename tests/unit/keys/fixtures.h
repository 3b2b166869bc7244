#pragma once
/// @file tests/unit/keys/fixtures.h
/// What the tests of this room share: a keys plugin under another name, and a log that remembers ids.
#include <algorithm>
#include <mutex>
#include <vector>

#include "fakes/fake_keys.h"
#include "observe/log.h"

namespace agentidp::tests {

/// FakeKeys under a name of its own, with another ability if need be.
class NamedKeys final : public plugin::Keys {
public:
    explicit NamedKeys(std::string name, plugin::KeysAbilities abilities = FakeKeys::everything())
        : keys(abilities), name_(std::move(name)) {}
    [[nodiscard]] std::string name() const override { return name_; }
    [[nodiscard]] const plugin::KeysAbilities& abilities() const override { return keys.abilities(); }
    base::Result<plugin::HeldKey> generate(std::string_view alg, const plugin::Call& call) override {
        ++generated;
        return keys.generate(alg, call);
    }
    base::Result<plugin::HeldKey> import(std::string_view alg, const base::Secret& pkcs8, const plugin::Call& call) override {
        return keys.import(alg, pkcs8, call);
    }
    base::Result<std::vector<plugin::HeldKey>> list(const plugin::Call& call) override { return keys.list(call); }
    base::Result<plugin::Signed> sign(std::string_view fingerprint, base::BytesView data, const plugin::Call& call) override {
        return keys.sign(fingerprint, data, call);
    }
    base::Result<void> retire(std::string_view fingerprint, const plugin::Call& call) override {
        if (refuseRetire) return base::fail(base::Errc::Unavailable, "not now");
        return keys.retire(fingerprint, call);
    }
    base::Result<base::Bytes> wrap(const base::Secret& plain, std::string_view aad, const plugin::Call& call) override {
        return keys.wrap(plain, aad, call);
    }
    base::Result<base::Secret> unwrap(base::BytesView wrapped, std::string_view aad, const plugin::Call& call) override {
        return keys.unwrap(wrapped, aad, call);
    }
    base::Result<base::Secret> exportPrivate(std::string_view fingerprint, const plugin::Call& call) override {
        return keys.exportPrivate(fingerprint, call);
    }
    base::Result<void> health(const plugin::Call& call) override { return keys.health(call); }

    [[nodiscard]] bool retired(std::string_view fingerprint) {
        const auto held = keys.list({}).value();
        return std::any_of(held.begin(), held.end(), [&](const auto& key) { return key.fingerprint == fingerprint && key.retired; });
    }

    FakeKeys keys;
    int generated = 0;
    bool refuseRetire = false;

private:
    std::string name_;
};

class RememberingLog final : public observe::Log {
public:
    void write(observe::Message message, std::initializer_list<observe::Field>) override {
        const std::lock_guard lock(mutex_);
        seen_.push_back(message);
    }
    [[nodiscard]] long count(observe::Message message) const {
        const std::lock_guard lock(mutex_);
        return std::count(seen_.begin(), seen_.end(), message);
    }

private:
    mutable std::mutex mutex_;
    std::vector<observe::Message> seen_;
};

}  // namespace agentidp::tests
