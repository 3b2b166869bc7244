#include "app/job_host.h"

#include <atomic>
#include <cstring>

#include "agentidp/plugin.h"
#include "base/text.h"
#include "plugin/host_services.h"
#include "store/signing_keys.h"

namespace agentidp::app {
namespace {

using base::Errc;
using observe::Metric;
using plugin::viewOf;

aip_status statusOf(const base::Error& error, aip_error* out) {
    aip_status status = AIP_E_INTERNAL;
    switch (error.code) {
        case Errc::Invalid:
        case Errc::TooLarge: status = AIP_E_INVALID; break;
        case Errc::NotFound: status = AIP_E_NOTFOUND; break;
        case Errc::Unsupported: status = AIP_E_UNSUPPORTED; break;
        case Errc::Unavailable:
        case Errc::TooMany: status = AIP_E_UNAVAILABLE; break;
        case Errc::Deadline: status = AIP_E_DEADLINE; break;
        case Errc::Conflict: status = AIP_E_CONFLICT; break;
        default: break;
    }
    if (out != nullptr) {
        out->status = status;
        std::strncpy(out->public_msg, error.hint.c_str(), sizeof(out->public_msg) - 1);
        out->public_msg[sizeof(out->public_msg) - 1] = '\0';
        std::strncpy(out->detail, error.detail.c_str(), sizeof(out->detail) - 1);
        out->detail[sizeof(out->detail) - 1] = '\0';
    }
    return status;
}

}  // namespace

struct JobHost::Rooms {
    std::atomic<bool> open{false};
    const compliance::Records* records = nullptr;
    compliance::Findings* findings = nullptr;
    observe::Metrics* metrics = nullptr;
};

struct JobHost::Desk {
    std::string job;
    Rooms& rooms;
    aip_records_v1 records{};
    aip_findings_v1 findings{};

    Desk(std::string name, Rooms& behind) : job(std::move(name)), rooms(behind) {
        records.size = sizeof(records);
        records.self = this;
        records.read = &Desk::read;
        findings.size = sizeof(findings);
        findings.self = this;
        findings.report = &Desk::report;
        findings.gauge = &Desk::gauge;
        findings.counter = &Desk::counter;
    }

    static Desk& of(void* self) { return *static_cast<Desk*>(self); }

    static aip_status read(void* self, const aip_call*, aip_str kind, aip_str query, aip_sink out, aip_error* error) {
        auto& desk = of(self);
        if (!desk.rooms.open) return statusOf(base::fail(Errc::Unavailable, "the kernel is starting"), error);
        const auto parsed = base::json::parse(query.n == 0 ? "{}" : viewOf(query), {64U << 10U, 8});
        if (!parsed) return statusOf(parsed.error(), error);
        const auto answer = desk.rooms.records->read(viewOf(kind), *parsed);
        if (!answer) return statusOf(answer.error(), error);
        const auto text = base::json::write(*answer);
        return out.put(out.ctx, text.data(), text.size()) == 0 ? AIP_OK : AIP_E_CANCELLED;
    }

    static aip_status report(void* self, const aip_call*, aip_str finding, aip_error* error) {
        auto& desk = of(self);
        if (!desk.rooms.open) return statusOf(base::fail(Errc::Unavailable, "the kernel is starting"), error);
        const auto parsed = base::json::parse(viewOf(finding), {64U << 10U, 8});
        if (!parsed) return statusOf(parsed.error(), error);
        const auto reported = desk.rooms.findings->report(desk.job, *parsed);
        return reported ? AIP_OK : statusOf(reported.error(), error);
    }

    static aip_status gauge(void* self, aip_str name, double value) {
        auto& desk = of(self);
        if (!desk.rooms.open || viewOf(name) != "credentials_expiring") return AIP_E_UNSUPPORTED;
        desk.rooms.metrics->gauge(Metric::CredentialsExpiring).set(value);
        return AIP_OK;
    }

    static aip_status counter(void* self, aip_str name, double delta) {
        auto& desk = of(self);
        if (!desk.rooms.open || viewOf(name) != "credentials_expiring_soon_total" || !(delta >= 0)) return AIP_E_UNSUPPORTED;
        desk.rooms.metrics->counter(Metric::CredentialsExpiringSoonTotal).add(delta);
        return AIP_OK;
    }
};

JobHost::JobHost() : rooms_(std::make_unique<Rooms>()) {}
JobHost::~JobHost() = default;

void JobHost::open(const compliance::Records& records, compliance::Findings& findings, observe::Metrics& metrics) {
    rooms_->records = &records;
    rooms_->findings = &findings;
    rooms_->metrics = &metrics;
    rooms_->open = true;
}

const void* JobHost::interfaceFor(std::string_view plugin, std::string_view name, std::uint32_t minMinor) {
    if (minMinor > 0 || (name != "records.v1" && name != "findings.v1")) return nullptr;
    auto desks = desks_.lock();
    auto& desk = (*desks)[std::string(plugin)];
    if (!desk) desk = std::make_unique<Desk>(std::string(plugin), *rooms_);
    if (name == "records.v1") return &desk->records;
    return &desk->findings;
}

base::json::Value jobJson(const compliance::JobStatus& status) {
    const auto time = [](const std::optional<base::Instant>& at) {
        return at ? base::json::Value(base::rfc3339(*at)) : base::json::Value();
    };
    return base::json::Object{{"job", status.name},
                              {"intervalSeconds", std::int64_t{status.interval.count()}},
                              {"outcome", status.last.outcome},
                              {"processed", status.last.processed},
                              {"startedAt", time(status.last.startedAt)},
                              {"finishedAt", time(status.last.finishedAt)}};
}

base::json::Value keyJson(const model::SigningKey& key) {
    const auto time = [](const std::optional<base::Instant>& at) {
        return at ? base::json::Value(base::rfc3339(*at)) : base::json::Value();
    };
    return base::json::Object{{"kid", key.kid.str()},
                              {"alg", key.alg},
                              {"state", store::nameOf(key.state)},
                              {"plugin", key.plugin},
                              {"createdAt", base::rfc3339(key.createdAt)},
                              {"publishedAt", time(key.publishedAt)},
                              {"activatesAt", time(key.activatesAt)},
                              {"activatedAt", time(key.activatedAt)},
                              {"retiringAt", time(key.retiringAt)},
                              {"goneAt", time(key.goneAt)},
                              {"compromised", key.compromised}};
}

}  // namespace agentidp::app
