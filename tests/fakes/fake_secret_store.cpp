#include "fakes/fake_secret_store.h"

namespace agentidp::tests {

using base::Errc;
using base::fail;

base::Result<void> FakeSecretStore::begin() {
    ++asked_;
    if (!answers_) return fail(Errc::Unavailable, "sealed");
    return {};
}

base::Result<std::string> FakeSecretStore::put(std::string_view path, const base::Secret& secret, const plugin::Call&) {
    const std::lock_guard lock(mutex_);
    if (auto begun = begin(); !begun) return std::move(begun).error();
    auto& versions = held_[std::string(path)];
    versions.emplace_back(secret.text());
    return std::to_string(versions.size());
}

base::Result<base::Secret> FakeSecretStore::get(std::string_view path, std::string_view version, const plugin::Call&) {
    const std::lock_guard lock(mutex_);
    if (auto begun = begin(); !begun) return std::move(begun).error();
    const auto found = held_.find(path);
    if (found == held_.end()) return fail(Errc::NotFound, "nothing there");
    const auto at = version.empty() ? found->second.size() : std::stoul(std::string(version));
    if (at == 0 || at > found->second.size()) return fail(Errc::NotFound, "no such version");
    return base::Secret::fromText(std::string(found->second[at - 1]));
}

base::Result<void> FakeSecretStore::remove(std::string_view path, const plugin::Call&) {
    const std::lock_guard lock(mutex_);
    if (auto begun = begin(); !begun) return begun;
    if (const auto found = held_.find(path); found != held_.end()) held_.erase(found);
    return {};
}

base::Result<std::vector<std::string>> FakeSecretStore::versions(std::string_view path, const plugin::Call&) {
    const std::lock_guard lock(mutex_);
    if (auto begun = begin(); !begun) return std::move(begun).error();
    std::vector<std::string> all;
    if (const auto found = held_.find(path); found != held_.end())
        for (std::size_t i = 1; i <= found->second.size(); ++i) all.push_back(std::to_string(i));
    return all;
}

}  // namespace agentidp::tests
