#pragma once
/// @file kernel/secrets/client_secrets.h
/// Client secrets that a secrets plugin keeps (credentials.store = vault). What is needed to verify one, its MAC, is held in memory for a
/// while, so that the token path asks the plugin once per client and lifetime; while the plugin does not answer, what is held goes on for
/// `offline`, and what is not is Unavailable: never accepted, and never called wrong.
#include <functional>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/result.h"
#include "crypto/hash.h"
#include "plugin/secret_store.h"

namespace agentidp::secrets {

/// A secret as storage would hold it.
struct Mac {
    std::string pepperId;
    crypto::Digest256 mac{};
};

struct Bounds {
    base::seconds fresh{300};       ///< how long a MAC is used without asking again
    base::seconds offline{86'400};  ///< how long it is used while the plugin does not answer
    std::size_t most = 50'000;      ///< MACs held; the least recently used goes first
};

/// Any thread.
class ClientSecrets {
public:
    using MacUnder = std::function<base::Result<Mac>(base::BytesView secret)>;
    ClientSecrets(plugin::SecretStore& store, const base::Clock& clock, MacUnder macUnder, Bounds bounds)
        : store_(store), clock_(clock), macUnder_(std::move(macUnder)), bounds_(bounds) {}

    /// Blocks. Before the row that names `path` is committed.
    base::Result<void> keep(const std::string& path, const base::Secret& secret);
    /// Blocks where nothing fresh is held. NotFound: the plugin has no such secret. Unavailable: it cannot be said now.
    base::Result<Mac> macOf(const std::string& path);
    /// No row names it any more: it is removed from the plugin by sweep(), again and again until that succeeds. Never blocks. What waits
    /// when the process ends is left behind; it opens nothing.
    void forget(const std::string& path);

    /// Removes some of what is to be removed; blocks for the plugin. For a chore.
    base::Result<void> sweep();
    /// How long the plugin has not answered; zero while it does.
    [[nodiscard]] base::seconds silence() const;

private:
    struct Held {
        std::string path;
        Mac mac;
        base::MonoInstant readAt;
    };
    struct State {
        std::list<Held> recent;  ///< front: used last
        std::unordered_map<std::string_view, std::list<Held>::iterator> index;
        std::vector<std::string> forgotten;
        base::MonoInstant quietUntil{};   ///< after a failure nobody asks for a moment
        base::MonoInstant silentSince{};  ///< of the first failure; the epoch while it answers
    };
    [[nodiscard]] bool quiet() const;
    void answered(bool well);
    void remember(const std::string& path, const Mac& mac);
    void drop(const std::string& path);

    plugin::SecretStore& store_;
    const base::Clock& clock_;
    MacUnder macUnder_;
    Bounds bounds_;
    mutable base::Guarded<State> state_;
};

}  // namespace agentidp::secrets
