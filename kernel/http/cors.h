#pragma once
/// @file kernel/http/cors.h
/// Which web pages may read our answers (Fetch standard, section 3.2). Credentials are never allowed: no cookie of ours
/// exists, and a page that sends a bearer token has it already. Pure; any thread.
#include <string>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace agentidp::http {

class CorsPolicy {
public:
    CorsPolicy() = default;  ///< off: no page may read anything

    /// `*`, a comma-separated list of origins (`https://app.example`), or empty for off. Errc::Invalid names what is no origin.
    [[nodiscard]] static base::Result<CorsPolicy> parse(std::string_view setting);

    struct Decision {
        std::vector<Header> headers;  ///< to be added to whatever is answered
        bool preflight = false;       ///< answer 204 with the headers; the route is not run
    };
    /// `allow` is the Allow list of the path, for preflights. Requests without Origin, from `null`, or with a cookie or a
    /// client certificate are never allowed.
    [[nodiscard]] Decision decide(const Request& request, std::string_view allow) const;

private:
    enum class Kind { Off, Any, Listed };
    Kind kind_ = Kind::Off;
    std::vector<std::string> origins_;
};

}  // namespace agentidp::http
