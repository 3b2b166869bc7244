#pragma once
/// @file tests/unit/plugin/bench.h
/// A kernel around a plugin under test: a log that remembers, a pool, a folder with the plugin in it, a catalog.
#include <cppunit/extensions/HelperMacros.h>
#include <sys/stat.h>

#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "observe/log.h"
#include "plugin/catalog.h"
#include "support/temp_folder.h"

namespace agentidp::plugin {

class RememberingLog final : public observe::Log {
public:
    void write(observe::Message message, std::initializer_list<observe::Field> fields) override {
        std::string line(observe::nameOf(message));
        for (const auto& field : fields) {
            line += " " + std::string(field.name) + "=";
            if (const auto* text = std::get_if<std::string_view>(&field.value))
                line += *text;
            else if (const auto* number = std::get_if<std::int64_t>(&field.value))
                line += std::to_string(*number);
        }
        const std::lock_guard hold(mutex_);
        lines_.push_back(line);
    }
    [[nodiscard]] bool has(std::string_view part) const {
        const std::lock_guard hold(mutex_);
        for (const auto& line : lines_)
            if (line.find(part) != std::string::npos) return true;
        return false;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
};

/// Folders under test are private ones of their own: a build tree may be writable by a group.
class Bench {
public:
    Bench() {
        settings.path = {folder.path()};
        settings.limits.startWithin = base::milliseconds(20'000);
    }
    /// Puts the fixture ratelimit-`name` into the folder, as ratelimit-`as`.
    std::string install(const std::string& name, const std::string& as = {}) {
        const std::string to = folder.path("ratelimit-" + (as.empty() ? name : as) + ".so");
        std::filesystem::copy_file(std::string(AGENTIDP_BROKEN_PLUGINS) + "/ratelimit-" + name + ".so", to,
                                   std::filesystem::copy_options::overwrite_existing);
        ::chmod(to.c_str(), 0755);
        return to;
    }
    [[nodiscard]] HostOffers offers() {
        return {log, clock, pool, data.path(), nullptr, {}, {}, {}, [this](std::string_view, std::string_view name, std::uint32_t) {
                    return iface && name == "gate.v1" ? iface : nullptr;
                }};
    }
    [[nodiscard]] static Wanted ratelimit(const std::string& name, std::vector<SettingText> given = {}) {
        return wanted(AIP_KIND_RATELIMIT, name, std::move(given));
    }
    /// What add says of the fixture; empty where it was taken.
    [[nodiscard]] std::string refusal(const std::string& name, std::vector<SettingText> given = {}) {
        install(name);
        Catalog catalog(settings, offers());
        const auto added = catalog.add(ratelimit(name, std::move(given)));
        if (added) return {};
        CPPUNIT_ASSERT_MESSAGE("one line: " + added.error().hint, added.error().hint.find('\n') == std::string::npos);
        return added.error().hint;
    }

    tests::TempFolder folder, data;
    RememberingLog log;
    base::SystemClock clock;
    base::ThreadPool pool{"test", 2, 64};
    CatalogSettings settings;
    const void* iface = nullptr;
};

inline void assertHolds(const std::string& text, const std::string& part) {
    CPPUNIT_ASSERT_MESSAGE("\"" + text + "\" does not hold \"" + part + "\"", text.find(part) != std::string::npos);
}

}  // namespace agentidp::plugin
