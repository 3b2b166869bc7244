// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file agentidp/cpp/host.hpp
/// What the kernel offers to a plugin (`Host`) and what travels with every operation (`Call`).
#include <agentidp/cpp/outcome.hpp>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <functional>
#include <memory>
#include <vector>

/// True if `member` lies within the first `size` bytes of `type`: how a struct of another age is read.
#define AIP_HAS_MEMBER(type, size, member) ((size) >= offsetof(type, member) + sizeof(static_cast<const type*>(nullptr)->member))

namespace aip {

inline std::string_view view(aip_str text) { return text.n == 0 ? std::string_view() : std::string_view(text.p, text.n); }
inline aip_str str(std::string_view text) { return {text.data(), text.size()}; }

/// A sink that appends to a std::string or a Secret; never refuses.
template <class Buffer>
aip_sink sinkInto(Buffer& buffer) {
    return {&buffer, [](void* into, const void* bytes, std::size_t size) -> std::int32_t {
                try {
                    if (size != 0) static_cast<Buffer*>(into)->append(static_cast<const char*>(bytes), size);
                    return 0;
                } catch (...) {
                    return 1;
                }
            }};
}

enum class Level : std::int32_t { Debug = AIP_LOG_DEBUG, Info = AIP_LOG_INFO, Warn = AIP_LOG_WARN, Error = AIP_LOG_ERROR };

/// The kernel's services. A copy is a pointer; valid until stop returns. Any thread of the plugin may use it. What a host does
/// not offer is answered harmlessly: no log line, AIP_E_UNSUPPORTED, the system's own clock.
class Host {
public:
    Host() = default;
    explicit Host(const aip_host* raw) : raw_(raw) {}

    void log(Level level, std::string_view text) const {
        if (offers(&aip_host::log)) raw_->log(raw_->self, static_cast<std::int32_t>(level), str(text));
    }
    void debug(std::string_view text) const { log(Level::Debug, text); }
    void info(std::string_view text) const { log(Level::Info, text); }
    void warn(std::string_view text) const { log(Level::Warn, text); }
    void error(std::string_view text) const { log(Level::Error, text); }

    /// Adds to the counter agentidp_plugin_<kind>_<plugin>_<name>; at most 64 names a plugin.
    void metric(std::string_view name, double delta = 1) const {
        if (offers(&aip_host::metric)) (void)raw_->metric(raw_->self, str(name), delta);
    }
    /// Appends the audit event plugin.<kind>.<action>; `metadataJson` is a JSON object.
    Status audit(std::string_view action, std::string_view metadataJson = "{}") const {
        if (!offers(&aip_host::audit)) return unsupported("this host keeps no audit log");
        return toStatus(raw_->audit(raw_->self, str(action), str(metadataJson)), "the audit event was refused");
    }
    std::uint64_t monoNs() const {
        if (offers(&aip_host::mono_ns)) return raw_->mono_ns(raw_->self);
        std::timespec now{};
        clock_gettime(CLOCK_MONOTONIC, &now);
        return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
    }
    std::int64_t wallUs() const {
        if (offers(&aip_host::wall_us)) return raw_->wall_us(raw_->self);
        return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    }
    Status random(void* out, std::size_t size) const {
        if (!offers(&aip_host::random)) return unsupported("this host has no random source");
        return toStatus(raw_->random(raw_->self, out, size), "no random bytes");
    }
    /// Resolves "file:PATH", "cred:NAME" or "env:NAME".
    Outcome<Secret> secret(std::string_view reference) const {
        if (!offers(&aip_host::secret)) return unsupported("this host resolves no secrets");
        Secret bytes;
        aip_error error{};
        error.size = sizeof error;
        const aip_status status = raw_->secret(raw_->self, str(reference), sinkInto(bytes), &error);
        if (status == AIP_OK) return bytes;
        return Fail{status, textOf(error.public_msg), textOf(error.detail), error.retry_after_ms, error.sys_errno};
    }
    /// Runs `work` later on a host thread that may block. What it throws is logged and forgotten.
    Status defer(std::function<void()> work) const {
        if (!offers(&aip_host::defer)) return unsupported("this host defers no work");
        struct Deferred {
            Host host;
            std::function<void()> work;
        };
        auto deferred = std::make_unique<Deferred>(Deferred{*this, std::move(work)});
        const aip_status status = raw_->defer(
            raw_->self,
            [](void* arg) {
                const std::unique_ptr<Deferred> owned(static_cast<Deferred*>(arg));
                try {
                    owned->work();
                } catch (...) {
                    owned->host.error("deferred work threw an exception");
                }
            },
            deferred.get());
        if (status == AIP_OK) (void)deferred.release();
        return toStatus(status, "the host takes no more work");
    }
    /// An optional interface of plugin.h, for example `iface<aip_records_v1>("records.v1")`, or null.
    template <class Interface>
    const Interface* iface(std::string_view name, std::uint32_t minMinor = 0) const {
        if (!offers(&aip_host::iface)) return nullptr;
        return static_cast<const Interface*>(raw_->iface(raw_->self, str(name), minMinor));
    }
    /// Absolute; empty where the host has none. A plugin keeps its files in a folder of its own name below it.
    std::string dataDir() const {
        if (!offers(&aip_host::data_dir)) return {};
        return std::string(view(raw_->data_dir(raw_->self)));
    }
    const aip_host* raw() const { return raw_; }

private:
    template <class Member>
    bool offers(Member aip_host::*member) const {
        if (raw_ == nullptr) return false;
        const auto end = reinterpret_cast<const char*>(&(raw_->*member)) - reinterpret_cast<const char*>(raw_) + sizeof(Member);
        return raw_->size >= static_cast<std::size_t>(end) && raw_->*member != nullptr;
    }
    static Status toStatus(aip_status status, const char* message) {
        if (status == AIP_OK) return {};
        return Fail{status, message, {}};
    }
    template <std::size_t N>
    static std::string textOf(const char (&text)[N]) {
        return std::string(text, strnlen(text, N));
    }

    const aip_host* raw_ = nullptr;
};

/// One operation's deadline, cancellation and names. Lives as long as the operation.
class Call {
public:
    Call(const aip_call* raw, const Host& host) : raw_(raw), host_(host) {}

    /// True as soon as the caller wants no answer any more: look at least each 100 ms. Any thread of the plugin.
    bool cancelled() const {
        return raw_ != nullptr && AIP_HAS_MEMBER(aip_call, raw_->size, cancelled) && raw_->cancelled != nullptr &&
               raw_->cancelled(raw_) != 0;
    }
    /// By the host's monotonic clock, see Host::monoNs; a call without a deadline has 30 s from its beginning, which the
    /// plugin measures itself: then 0.
    std::uint64_t deadlineNs() const { return raw_ == nullptr ? 0 : raw_->deadline_mono_ns; }
    /// What is left; never negative; 30 s where there is no deadline.
    std::chrono::nanoseconds left() const {
        const std::uint64_t end = deadlineNs();
        if (end == 0) return std::chrono::seconds(30);
        const std::uint64_t now = host_.monoNs();
        return std::chrono::nanoseconds(end > now ? static_cast<std::int64_t>(end - now) : 0);
    }
    bool expired() const { return deadlineNs() != 0 && left().count() == 0; }
    /// For loops: AIP_E_CANCELLED or AIP_E_DEADLINE as soon as it is time to give up.
    Status check() const {
        if (cancelled()) return aip::cancelled();
        if (expired()) return aip::deadline();
        return {};
    }
    std::string_view requestId() const { return member(&aip_call::request_id); }
    std::string_view traceparent() const { return member(&aip_call::traceparent); }
    std::string_view tenant() const { return member(&aip_call::tenant); }
    const aip_call* raw() const { return raw_; }

private:
    std::string_view member(aip_str aip_call::*text) const {
        if (raw_ == nullptr) return {};
        const auto end = reinterpret_cast<const char*>(&(raw_->*text)) - reinterpret_cast<const char*>(raw_) + sizeof(aip_str);
        return raw_->size >= static_cast<std::size_t>(end) ? view(raw_->*text) : std::string_view();
    }
    const aip_call* raw_;
    const Host& host_;
};

}  // namespace aip
