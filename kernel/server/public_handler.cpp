#include "server/public_handler.h"

#include "base/json.h"

namespace agentidp::server {
namespace {

constexpr std::string_view kJson = "application/json";

model::Answer json(int status, std::string body) {
    return {status, {{"Content-Type", std::string(kJson)}, {"Cache-Control", "no-store"}}, std::move(body)};
}

/// If-None-Match (RFC 9110 section 13.1.2), weak comparison.
bool matches(const http::Request& request, const std::string& etag) {
    const auto* field = request.headers.find("If-None-Match");
    if (field == nullptr) return false;
    for (const auto& item : base::split(*field, ',')) {
        auto tag = base::trim(item);
        if (tag.substr(0, 2) == "W/") tag.remove_prefix(2);
        if (tag == "*" || tag == etag) return true;
    }
    return false;
}

}  // namespace

void PublicHandler::bind(Endpoints& endpoints) {
    endpoints.bind(RouteId::Jwks, [this](const ExchangePtr& exchange) { jwks(exchange); });
    endpoints.bind(RouteId::Metadata, [this](const ExchangePtr& exchange) {
        answer(exchange, {200, {{"Content-Type", std::string(kJson)}, {"Cache-Control", "public, max-age=3600"}}, rooms_.metadata});
    });
    endpoints.bind(RouteId::Health, [this](const ExchangePtr& exchange) { health(exchange); });
    endpoints.bind(RouteId::Livez, [](const ExchangePtr& exchange) { answer(exchange, json(200, R"({"status":"ok"})")); });
    endpoints.bind(RouteId::Readyz, [this](const ExchangePtr& exchange) {
        const auto why = rooms_.notReady();
        if (why.empty()) return answer(exchange, json(200, R"({"status":"ready"})"));
        std::string body;
        base::json::Writer(body).beginObject().key("status").text("not ready").key("reason").text(why).endObject();
        auto refused = json(503, std::move(body));
        refused.headers.emplace_back("Retry-After", "1");
        answer(exchange, std::move(refused));
    });
    endpoints.bind(RouteId::MetricsText, [this](const ExchangePtr& exchange) {
        rooms_.beforeMetrics();
        answer(exchange, {200, {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}}, rooms_.metrics.text()});
    });
    endpoints.bind(RouteId::Openapi, [this](const ExchangePtr& exchange) {
        answer(exchange, {200, {{"Content-Type", std::string(kJson)}, {"Cache-Control", "public, max-age=300"}}, rooms_.openapi});
    });
}

void PublicHandler::jwks(const ExchangePtr& exchange) const {
    auto served = rooms_.jwks();
    const std::string cache = "public, max-age=" + std::to_string(rooms_.jwksMaxAge());
    if (matches(exchange->request, served.etag)) return answer(exchange, {304, {{"Cache-Control", cache}, {"ETag", served.etag}}, {}});
    answer(exchange,
           {200, {{"Content-Type", rooms_.jwksMediaType}, {"Cache-Control", cache}, {"ETag", served.etag}}, std::move(served.body)});
}

void PublicHandler::health(const ExchangePtr& exchange) const {
    bool ok = true;
    std::string members;
    for (const auto& backend : rooms_.backends) {
        const bool connected = backend.connected();
        ok = ok && connected;
        members.push_back(',');
        base::json::appendQuoted(members, backend.name);
        members += connected ? R"(:"connected")" : R"(:"error")";
    }
    answer(exchange, json(ok ? 200 : 503, std::string(R"({"status":")") + (ok ? "ok" : "error") + "\"" + members + "}"));
}

}  // namespace agentidp::server
