#pragma once
/// @file tests/fakes/fake_secret_store.h
/// A secrets plugin in memory that can be told not to answer. Any thread.
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "plugin/secret_store.h"

namespace agentidp::tests {

class FakeSecretStore final : public plugin::SecretStore {
public:
    base::Result<std::string> put(std::string_view path, const base::Secret& secret, const plugin::Call& call) override;
    base::Result<base::Secret> get(std::string_view path, std::string_view version, const plugin::Call& call) override;
    base::Result<void> remove(std::string_view path, const plugin::Call& call) override;
    base::Result<std::vector<std::string>> versions(std::string_view path, const plugin::Call& call) override;

    void answer(bool answers) {
        const std::lock_guard lock(mutex_);
        answers_ = answers;
    }
    [[nodiscard]] int asked() const {
        const std::lock_guard lock(mutex_);
        return asked_;
    }
    [[nodiscard]] bool holds(const std::string& path) const {
        const std::lock_guard lock(mutex_);
        return held_.contains(path);
    }

private:
    base::Result<void> begin();

    mutable std::mutex mutex_;
    bool answers_ = true;
    int asked_ = 0;
    std::map<std::string, std::vector<std::string>, std::less<>> held_;  ///< versions, oldest first
};

}  // namespace agentidp::tests
