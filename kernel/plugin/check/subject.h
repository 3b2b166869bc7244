#pragma once
/// @file kernel/plugin/check/subject.h
/// The plugin under check and the ways to run it: below the adapters, by the bare C table, as a hostile or a small host would.
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agentidp/plugin.h"
#include "base/thread_pool.h"
#include "plugin/host_services.h"
#include "plugin/settings_schema.h"

namespace agentidp::plugin::check {

/// A clock that the suites move; still until then.
class ManualClock final : public base::Clock {
public:
    [[nodiscard]] base::Instant now() const override { return base::fromMicros(wallUs_.load()); }
    [[nodiscard]] base::MonoInstant mono() const override { return base::MonoInstant(base::nanoseconds(monoNs_.load())); }
    void advance(base::microseconds by) {
        wallUs_ += by.count();
        monoNs_ += by.count() * 1000;
    }
    void stepWall(base::microseconds by) { wallUs_ += by.count(); }

private:
    std::atomic<std::int64_t> wallUs_{1'790'000'000'000'000};
    std::atomic<std::int64_t> monoNs_{1'000'000'000'000};
};

/// Lines of the plugin go to standard error where asked for, else nowhere.
class CheckLog final : public observe::Log {
public:
    void write(observe::Message message, std::initializer_list<observe::Field> fields) override;
    /// Whether a message of this id was written since the last call.
    [[nodiscard]] bool sawThrow() { return threw_.exchange(false); }

private:
    std::atomic<bool> threw_{false};
};

/// What is the same for every run of one check.
struct Subject {
    std::string file;    ///< absolute
    std::string plugin;  ///< "keys-demo"
    const aip_plugin* descriptor = nullptr;
    base::json::Object settings;  ///< as --config gave them; texts may hold ${fresh} and ${VARIABLE}
    bool live = false;            ///< a real backend may be written to
    std::string scratch;          ///< a folder of this check's own
    CheckLog log;
    base::SystemClock clock;
    base::ThreadPool pool{"check", 2, 256};
    std::size_t folders = 0;

    [[nodiscard]] bool has(std::uint32_t flag) const { return (descriptor->flags & flag) != 0; }
    /// The settings with defaults; `${fresh}` is a word no run had before, `${NAME}` the environment variable of that name.
    [[nodiscard]] base::Result<std::string> config() const;
    /// A data folder that no instance has seen, private.
    [[nodiscard]] std::string freshFolder();
    [[nodiscard]] HostOffers offers(const std::string& folder, const base::Clock& clock);
};

/// One call of each operation of the kind, made with a text of the caller's choice as every name, key and value.
struct Poke {
    std::string name;
    std::function<aip_status(void* self, const aip_call* call, aip_str text, aip_sink out, aip_error* err)> run;
    bool answers = false;  ///< succeeds with something in its sink, whatever the text
};
[[nodiscard]] std::vector<Poke> pokesOf(const aip_plugin& plugin);

/// A bare instance on the C table. Exceptions that come out of the plugin are remembered, and fail the check.
class Bare {
public:
    Bare(Subject& subject, const aip_host* host) : subject_(subject), host_(host) {}
    Bare(const Bare&) = delete;
    Bare& operator=(const Bare&) = delete;
    /// Destroys; stops before where start had been good.
    ~Bare();

    aip_status create(std::string_view config);
    aip_status start();
    aip_status stop();
    [[nodiscard]] void* self() const { return self_; }
    [[nodiscard]] const aip_error& error() const { return error_; }
    /// Runs a poke or a function of the table; AIP_E_INTERNAL and threw() where an exception came out.
    aip_status run(const std::function<aip_status(aip_error*)>& body);
    [[nodiscard]] bool threw() const { return threw_; }

private:
    Subject& subject_;
    const aip_host* host_;
    void* self_ = nullptr;
    bool started_ = false;
    bool threw_ = false;
    aip_error error_{};
};

/// A call with `withinMs` from now; negative: over already.
[[nodiscard]] aip_call callFor(std::int64_t withinMs);
/// Threads and open descriptors of this process.
[[nodiscard]] std::size_t entriesOf(const char* folder);

}  // namespace agentidp::plugin::check
