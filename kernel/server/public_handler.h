#pragma once
/// @file kernel/server/public_handler.h
/// What anybody may ask: keys, metadata, health, readiness, metrics, the description of this API.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "observe/metrics.h"
#include "server/exchange.h"

namespace agentidp::server {

/// The JWKS as it is served, and its tag.
struct ServedJwks {
    std::string body;
    std::string etag;  ///< quoted
};

/// One backend in use, as /health shows it. `check` may block.
struct Backend {
    std::string name;
    std::function<bool()> connected;
};

class PublicHandler {
public:
    struct Rooms {
        std::function<ServedJwks()> jwks;
        std::function<std::int64_t()> jwksMaxAge;
        std::string metadata;  ///< RFC 8414 document
        std::string openapi;
        std::vector<Backend> backends;
        std::function<std::string()> notReady;  ///< empty: ready; else why not
        std::function<void()> beforeMetrics;    ///< brings gauges up to date; may block
        observe::Metrics& metrics;
        std::string jwksMediaType;  ///< its users compare the field as a whole
    };
    explicit PublicHandler(Rooms rooms) : rooms_(std::move(rooms)) {}
    void bind(Endpoints& endpoints);

private:
    void jwks(const ExchangePtr& exchange) const;
    void health(const ExchangePtr& exchange) const;
    Rooms rooms_;
};

}  // namespace agentidp::server
