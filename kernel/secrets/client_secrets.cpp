#include "secrets/client_secrets.h"

namespace agentidp::secrets {
namespace {

using base::Errc;

constexpr base::milliseconds kWithin{2'000};
constexpr base::seconds kQuiet{5};
constexpr std::size_t kRemovedAtOnce = 16;
constexpr std::size_t kMostForgotten = 100'000;

/// Says something about the backend, not about the secret.
bool isSilence(Errc code) { return code == Errc::Unavailable || code == Errc::Deadline || code == Errc::Denied || code == Errc::Internal; }

}  // namespace

bool ClientSecrets::quiet() const { return clock_.mono() < state_.lock()->quietUntil; }

void ClientSecrets::answered(bool well) {
    auto state = state_.lock();
    if (well) {
        state->quietUntil = {};
        state->silentSince = {};
        return;
    }
    state->quietUntil = clock_.mono() + kQuiet;
    if (state->silentSince == base::MonoInstant{}) state->silentSince = clock_.mono();
}

base::seconds ClientSecrets::silence() const {
    const auto since = state_.lock()->silentSince;
    return since == base::MonoInstant{} ? base::seconds(0) : std::chrono::duration_cast<base::seconds>(clock_.mono() - since);
}

void ClientSecrets::drop(const std::string& path) {
    auto state = state_.lock();
    const auto found = state->index.find(path);
    if (found == state->index.end()) return;
    const auto entry = found->second;
    state->index.erase(found);
    state->recent.erase(entry);
}

void ClientSecrets::remember(const std::string& path, const Mac& mac) {
    drop(path);
    auto state = state_.lock();
    if (state->index.contains(path)) return;
    state->recent.push_front({path, mac, clock_.mono()});
    state->index.emplace(state->recent.front().path, state->recent.begin());
    if (state->recent.size() > bounds_.most) {
        state->index.erase(state->recent.back().path);
        state->recent.pop_back();
    }
}

base::Result<void> ClientSecrets::keep(const std::string& path, const base::Secret& secret) {
    auto mac = macUnder_(secret.view());
    if (!mac) return std::move(mac).error();
    const auto put = store_.put(path, secret, plugin::callWithin(clock_, kWithin));
    answered(put.ok() || !isSilence(put.error().code));
    if (!put) return base::fail(Errc::Unavailable, "the secret store does not answer", put.error().hint + " " + put.error().detail);
    remember(path, *mac);
    return {};
}

base::Result<Mac> ClientSecrets::macOf(const std::string& path) {
    std::optional<Mac> old;
    {
        auto state = state_.lock();
        if (const auto found = state->index.find(path); found != state->index.end()) {
            state->recent.splice(state->recent.begin(), state->recent, found->second);
            const auto age = clock_.mono() - found->second->readAt;
            if (age < bounds_.fresh) return found->second->mac;
            if (age < bounds_.offline) old = found->second->mac;
        }
    }
    const auto unavailable = [](std::string detail) {
        return base::fail(Errc::Unavailable, "the secret store does not answer", std::move(detail));
    };
    if (quiet()) return old ? base::Result<Mac>(*old) : unavailable("asked again in a moment");
    const auto secret = store_.get(path, "", plugin::callWithin(clock_, kWithin));
    answered(secret.ok() || !isSilence(secret.error().code));
    if (secret) {
        auto mac = macUnder_(secret->view());
        if (mac) remember(path, *mac);
        return mac;
    }
    const auto& error = secret.error();
    if (error.code == Errc::NotFound) {
        drop(path);
        return base::fail(Errc::NotFound, "", "the secret store has nothing at " + path);
    }
    return old ? base::Result<Mac>(*old) : unavailable(error.hint + " " + error.detail);
}

void ClientSecrets::forget(const std::string& path) {
    drop(path);
    auto state = state_.lock();
    if (state->forgotten.size() < kMostForgotten) state->forgotten.push_back(path);
}

base::Result<void> ClientSecrets::sweep() {
    for (std::size_t done = 0; done < kRemovedAtOnce && !quiet(); ++done) {
        std::string path;
        {
            auto state = state_.lock();
            if (state->forgotten.empty()) return {};
            path = std::move(state->forgotten.back());
            state->forgotten.pop_back();
        }
        const auto removed = store_.remove(path, plugin::callWithin(clock_, kWithin));
        answered(removed.ok() || !isSilence(removed.error().code));
        if (removed) continue;
        auto state = state_.lock();
        state->forgotten.insert(state->forgotten.begin(), std::move(path));
        return removed.error();
    }
    return {};
}

}  // namespace agentidp::secrets
