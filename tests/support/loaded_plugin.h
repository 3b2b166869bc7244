#pragma once
/// @file tests/support/loaded_plugin.h
/// A plugin of this build through the kernel's own loader, catalog and adapters, with the clock that a test gives. One thread makes and
/// restarts it. The suite defines AGENTIDP_PLUGIN_DIR and depends on the plugin's target.
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/thread_pool.h"
#include "observe/log.h"
#include "plugin/catalog.h"

namespace agentidp::tests {

class CountingLog final : public observe::Log {
public:
    void write(observe::Message, std::initializer_list<observe::Field>) override { ++lines_; }
    [[nodiscard]] int lines() const { return lines_; }

private:
    std::atomic<int> lines_{0};
};

class LoadedPlugin {
public:
    /// Throws with the catalog's line where the plugin cannot start: a test then fails with it.
    LoadedPlugin(const base::Clock& clock, plugin::Wanted wanted, std::string dataDir, decltype(plugin::HostOffers::iface) iface = {},
                 decltype(plugin::HostOffers::secret) secret = {})
        : offers_{log_, clock, pool_, std::move(dataDir), nullptr, {}, {}, std::move(secret), std::move(iface)},
          wanted_(std::move(wanted)) {
        if (auto started = start(); !started) throw std::runtime_error(started.error().hint + " " + started.error().detail);
    }

    /// Stops it and starts another over the same data.
    base::Result<void> start() {
        catalog_.reset();
        catalog_ = std::make_unique<plugin::Catalog>(plugin::CatalogSettings{{AGENTIDP_PLUGIN_DIR}, plugin::Trust::Owner, {}}, offers_);
        auto info = catalog_->add(wanted_);
        if (!info) return std::move(info).error();
        return {};
    }
    /// What the kernel logged of it or it logged itself.
    [[nodiscard]] int logged() const { return log_.lines(); }
    [[nodiscard]] plugin::Catalog& catalog() { return *catalog_; }

private:
    CountingLog log_;
    base::ThreadPool pool_{"test-plugin", 1, 16};
    plugin::HostOffers offers_;
    plugin::Wanted wanted_;
    std::unique_ptr<plugin::Catalog> catalog_;
};

}  // namespace agentidp::tests
