#pragma once
/// @file kernel/server/last_used.h
/// When credentials were last used, gathered in memory and written in one go now and then: accurate to a minute, and no write
/// on the token path.
#include <string>
#include <unordered_map>

#include "base/guarded.h"
#include "model/ids.h"
#include "plugin/storage.h"

namespace agentidp::server {

/// Any thread. Bounded: past kMost credentials between two flushes, further uses are not noted. Whoever notes a credential twice within a
/// minute makes it be written twice (see oauth::UseMark).
class LastUsed {
public:
    static constexpr std::size_t kMost = 20'000;
    LastUsed(plugin::Storage& storage, const base::Clock& clock) : storage_(storage), clock_(clock) {}
    void record(const model::CredentialId& credential, base::Instant at);
    /// Whether it is time for a flush: many are noted, or some for long.
    [[nodiscard]] bool due();
    /// Blocks for storage. What could not be written is kept for the next time.
    [[nodiscard]] base::Result<std::size_t> flush();

private:
    plugin::Storage& storage_;
    const base::Clock& clock_;
    struct Noted {
        std::unordered_map<std::string, base::Instant> used;
        base::MonoInstant since;  ///< of the first of them
    };
    base::Guarded<Noted> noted_;
};

}  // namespace agentidp::server
