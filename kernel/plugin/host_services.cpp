#include "plugin/host_services.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/ids.h"
#include "base/text.h"

namespace agentidp::plugin {
namespace {

constexpr std::size_t kMaxLogText = 4096;
constexpr std::size_t kMaxMetricNames = 64;
constexpr std::size_t kMaxRandom = 1U << 20U;
constexpr std::size_t kMaxAuditJson = 8192;

bool isName(std::string_view text, std::size_t most, std::string_view also) {
    return !text.empty() && text.size() <= most && text.front() >= 'a' && text.front() <= 'z' &&
           std::all_of(text.begin(), text.end(), [also](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || also.find(c) != std::string_view::npos;
           });
}

template <std::size_t N>
void put(char (&out)[N], std::string_view text) {
    const std::size_t length = std::min(text.size(), N - 1);
    std::memcpy(out, text.data(), length);
    out[length] = '\0';
}

aip_status report(aip_error* err, aip_status status, const base::Error& error) {
    if (err == nullptr || err->size < sizeof(aip_error)) return status;
    err->status = status;
    err->retry_after_ms = 0;
    err->sys_errno = 0;
    put(err->public_msg, error.hint);
    put(err->detail, error.detail);
    return status;
}

aip_status statusOf(base::Errc code) {
    switch (code) {
        case base::Errc::Invalid: return AIP_E_INVALID;
        case base::Errc::NotFound: return AIP_E_NOTFOUND;
        case base::Errc::Denied: return AIP_E_DENIED;
        case base::Errc::TooLarge: return AIP_E_INVALID;
        case base::Errc::Unavailable: return AIP_E_UNAVAILABLE;
        default: return AIP_E_INTERNAL;
    }
}

}  // namespace

HostServices::HostServices(std::string plugin, const HostOffers& offers) : plugin_(std::move(plugin)), offers_(offers) {
    table_.size = sizeof table_;
    table_.abi_major = AIP_ABI_MAJOR;
    table_.abi_minor = AIP_ABI_MINOR;
    table_.self = this;
    table_.log = log;
    table_.metric = offers_.metric ? metric : nullptr;
    table_.audit = offers_.audit ? audit : nullptr;
    table_.mono_ns = monoNs;
    table_.wall_us = wallUs;
    table_.random = random;
    table_.secret = offers_.secret ? secret : nullptr;
    table_.defer = defer;
    table_.iface = offers_.iface ? iface : nullptr;
    table_.data_dir = offers_.dataDir.empty() ? nullptr : dataDir;
}

bool HostServices::close(base::milliseconds within) {
    std::unique_lock hold(mutex_);
    const bool done = idle_.wait_for(hold, within, [this] { return deferred_ == 0; });
    closed_ = true;
    return done;
}

void HostServices::log(void* self, std::int32_t level, aip_str text) {
    HostServices& host = of(self);
    if (host.closed_) return;
    const std::string_view line = viewOf(text).substr(0, kMaxLogText);
    using observe::Message;
    const Message message = level <= AIP_LOG_DEBUG  ? Message::PLUGIN_SAID_DEBUG
                            : level == AIP_LOG_INFO ? Message::PLUGIN_SAID
                            : level == AIP_LOG_WARN ? Message::PLUGIN_SAID_WARNING
                                                    : Message::PLUGIN_SAID_ERROR;
    host.offers_.log.write(message, {{"plugin", host.plugin_}, {"said", line}});
}

aip_status HostServices::metric(void* self, aip_str name, double delta) {
    HostServices& host = of(self);
    const std::string_view text = viewOf(name);
    if (host.closed_) return AIP_E_UNAVAILABLE;
    if (!isName(text, 48, "_") || !std::isfinite(delta) || delta < 0) return AIP_E_INVALID;
    {
        const std::lock_guard hold(host.mutex_);
        if (host.metricNames_.find(text) == host.metricNames_.end()) {
            if (host.metricNames_.size() >= kMaxMetricNames) return AIP_E_DENIED;
            host.metricNames_.emplace(text);
        }
    }
    host.offers_.metric(host.plugin_, text, delta);
    return AIP_OK;
}

aip_status HostServices::audit(void* self, aip_str action, aip_str metadata) {
    HostServices& host = of(self);
    if (host.closed_) return AIP_E_UNAVAILABLE;
    auto parsed = base::json::parse(viewOf(metadata), {kMaxAuditJson, 4});
    if (!isName(viewOf(action), 48, "_.") || !parsed || parsed->asObject() == nullptr) return AIP_E_INVALID;
    const auto appended = host.offers_.audit(host.plugin_, viewOf(action), std::move(*parsed));
    return appended ? AIP_OK : statusOf(appended.error().code);
}

std::uint64_t HostServices::monoNs(void* self) {
    return static_cast<std::uint64_t>(of(self).offers_.clock.mono().time_since_epoch().count());
}

std::int64_t HostServices::wallUs(void* self) { return base::microsOf(of(self).offers_.clock.now()); }

aip_status HostServices::random(void*, void* out, std::size_t n) {
    if ((out == nullptr && n != 0) || n > kMaxRandom) return AIP_E_INVALID;
    base::fillRandom({static_cast<std::uint8_t*>(out), n});
    return AIP_OK;
}

aip_status HostServices::secret(void* self, aip_str reference, aip_sink out, aip_error* err) {
    HostServices& host = of(self);
    if (host.closed_) return AIP_E_UNAVAILABLE;
    const auto held = host.offers_.secret(viewOf(reference));
    if (!held) return report(err, statusOf(held.error().code), held.error());
    const auto bytes = held->view();
    return out.put != nullptr && out.put(out.ctx, bytes.data(), bytes.size()) == 0 ? AIP_OK : AIP_E_CANCELLED;
}

aip_status HostServices::defer(void* self, void (*fn)(void*), void* arg) {
    HostServices& host = of(self);
    if (fn == nullptr) return AIP_E_INVALID;
    {
        const std::lock_guard hold(host.mutex_);
        if (host.closed_) return AIP_E_UNAVAILABLE;
        ++host.deferred_;
    }
    const auto finish = [&host] {
        const std::lock_guard hold(host.mutex_);
        --host.deferred_;
        host.idle_.notify_all();
    };
    const bool taken = host.offers_.pool.post([fn, arg, finish, &host] {
        try {
            fn(arg);
        } catch (...) {
            host.offers_.log.write(observe::Message::PLUGIN_THREW, {{"plugin", host.plugin_}, {"operation", "deferred work"}});
        }
        finish();
    });
    if (taken) return AIP_OK;
    finish();
    return AIP_E_UNAVAILABLE;
}

const void* HostServices::iface(void* self, aip_str name, std::uint32_t minMinor) {
    HostServices& host = of(self);
    return host.closed_ ? nullptr : host.offers_.iface(host.plugin_, viewOf(name), minMinor);
}

aip_str HostServices::dataDir(void* self) { return strOf(of(self).offers_.dataDir); }

}  // namespace agentidp::plugin
