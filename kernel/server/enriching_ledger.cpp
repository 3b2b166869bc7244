#include "server/enriching_ledger.h"

#include <memory>

namespace agentidp::server {

void EnrichingLedger::attach(const HookSettings& settings, base::ThreadPool& pool) {
    pool_ = &pool;
    settings_ = &settings;
}

void EnrichingLedger::append(audit::Effect effect, audit::Continuation then) {
    const auto* settings = settings_.load();
    const bool asks = settings != nullptr && settings->hooks != nullptr && settings->hooks->listens(policy::HookPoint::AuditEnrich);
    if (effect.enriched || effect.events.empty() || !asks) return ledger_.append(std::move(effect), std::move(then));
    struct Work {
        audit::Effect effect;
        audit::Continuation then;
    };
    auto work = std::make_shared<Work>(Work{std::move(effect), std::move(then)});
    const bool taken = pool_->post([this, settings, work] {
        const auto& first = work->effect.events.front();
        const model::Origin origin{first.requestId, first.ip, first.userAgent, clock_.now()};
        if (const auto hooks = RequestHooks::begin(*settings, origin, nullptr)) hooks->enrich(work->effect.events, nullptr);
        ledger_.append(std::move(work->effect), std::move(work->then));
    });
    if (taken) return;
    for (auto& event : work->effect.events)
        if (event.extJson == "{}") event.extJson = R"({"ext_error":"queue"})";
    ledger_.append(std::move(work->effect), std::move(work->then));
}

}  // namespace agentidp::server
