#pragma once
/// @file tests/support/plugin_host.h
/// A host table for tests that call a plugin's classes or its C table directly, below the kernel's loader. Any thread.
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "agentidp/plugin.h"
#include "base/ids.h"
#include "fakes/fake_clock.h"

namespace agentidp::tests {

class PluginHost {
public:
    explicit PluginHost(std::string dataDir = {}) : dataDir_(std::move(dataDir)) {
        table_.size = sizeof table_;
        table_.abi_major = AIP_ABI_MAJOR;
        table_.abi_minor = AIP_ABI_MINOR;
        table_.self = this;
        table_.log = [](void* self, std::int32_t, aip_str text) {
            const std::lock_guard lock(of(self).mutex_);
            of(self).lines_.emplace_back(text.p, text.n);
        };
        table_.mono_ns = [](void* self) { return static_cast<std::uint64_t>(of(self).clock.mono().time_since_epoch().count()); };
        table_.wall_us = [](void* self) { return base::microsOf(of(self).clock.now()); };
        table_.random = [](void*, void* out, std::size_t n) -> aip_status {
            base::fillRandom({static_cast<std::uint8_t*>(out), n});
            return AIP_OK;
        };
        table_.secret = [](void* self, aip_str reference, aip_sink out, aip_error*) -> aip_status {
            const auto at = of(self).secrets.find(std::string(reference.p, reference.n));
            if (at == of(self).secrets.end()) return AIP_E_NOTFOUND;
            return out.put(out.ctx, at->second.data(), at->second.size()) == 0 ? AIP_OK : AIP_E_CANCELLED;
        };
        table_.iface = [](void* self, aip_str name, std::uint32_t minMinor) -> const void* {
            return of(self).iface ? of(self).iface(std::string_view(name.p, name.n), minMinor) : nullptr;
        };
        table_.data_dir = [](void* self) -> aip_str { return {of(self).dataDir_.data(), of(self).dataDir_.size()}; };
    }
    PluginHost(const PluginHost&) = delete;
    PluginHost& operator=(const PluginHost&) = delete;

    [[nodiscard]] const aip_host* table() const { return &table_; }
    [[nodiscard]] std::vector<std::string> lines() const {
        const std::lock_guard lock(mutex_);
        return lines_;
    }

    FakeClock clock;
    std::map<std::string, std::string> secrets;  ///< by reference
    std::function<const void*(std::string_view name, std::uint32_t minMinor)> iface;

private:
    static PluginHost& of(void* self) { return *static_cast<PluginHost*>(self); }

    std::string dataDir_;
    aip_host table_{};
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
};

}  // namespace agentidp::tests
