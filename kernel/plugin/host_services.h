#pragma once
/// @file kernel/plugin/host_services.h
/// What one plugin instance is given of the kernel: the aip_host table and what stands behind it. Every member may be called from
/// any thread of the plugin; after close() all of them refuse.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "agentidp/plugin.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/thread_pool.h"
#include "observe/log.h"
#include "observe/metrics.h"

namespace agentidp::plugin {

/// The kernel's side, the same for every plugin; all references outlive every instance. An empty function is not offered.
struct HostOffers {
    observe::Log& log;
    const base::Clock& clock;
    base::ThreadPool& pool;               ///< where deferred work runs
    std::string dataDir;                  ///< absolute, or empty
    observe::Metrics* metrics = nullptr;  ///< null: calls are neither counted nor timed
    /// Adds to the counter agentidp_plugin_<kind>_<plugin>_<name>. At most 64 names a plugin get here, each [a-z][a-z0-9_]{0,47}.
    std::function<void(std::string_view plugin, std::string_view name, double delta)> metric;
    /// Appends `plugin.<kind>.<action>` to the ledger; must not wait for durability.
    std::function<base::Result<void>(std::string_view plugin, std::string_view action, base::json::Value metadata)> audit;
    std::function<base::Result<base::Secret>(std::string_view reference)> secret;
    /// Optional interfaces by name ("records.v1"): a pointer with static meaning for `plugin`, or null.
    std::function<const void*(std::string_view plugin, std::string_view name, std::uint32_t minMinor)> iface;
};

class HostServices {
public:
    /// `plugin` is "keys-file".
    HostServices(std::string plugin, const HostOffers& offers);
    HostServices(const HostServices&) = delete;
    HostServices& operator=(const HostServices&) = delete;

    [[nodiscard]] const aip_host* table() const { return &table_; }
    [[nodiscard]] const std::string& plugin() const { return plugin_; }
    [[nodiscard]] const HostOffers& offers() const { return offers_; }
    /// Waits for deferred work, at most `within`; false if some still runs. Then everything refuses.
    bool close(base::milliseconds within);

private:
    static HostServices& of(void* self) { return *static_cast<HostServices*>(self); }
    static void log(void* self, std::int32_t level, aip_str text);
    static aip_status metric(void* self, aip_str name, double delta);
    static aip_status audit(void* self, aip_str action, aip_str metadata);
    static std::uint64_t monoNs(void* self);
    static std::int64_t wallUs(void* self);
    static aip_status random(void* self, void* out, std::size_t n);
    static aip_status secret(void* self, aip_str reference, aip_sink out, aip_error* err);
    static aip_status defer(void* self, void (*fn)(void*), void* arg);
    static const void* iface(void* self, aip_str name, std::uint32_t minMinor);
    static aip_str dataDir(void* self);

    std::string plugin_;
    HostOffers offers_;
    aip_host table_{};
    std::atomic<bool> closed_{false};
    std::mutex mutex_;
    std::condition_variable idle_;
    std::size_t deferred_ = 0;
    std::set<std::string, std::less<>> metricNames_;
};

/// Borrowed text from the border. `p` null with n > 0 reads as empty.
[[nodiscard]] inline std::string_view viewOf(aip_str text) {
    return text.p == nullptr ? std::string_view() : std::string_view(text.p, text.n);
}
[[nodiscard]] inline aip_str strOf(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace agentidp::plugin
