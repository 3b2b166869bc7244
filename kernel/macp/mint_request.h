#pragma once
/// @file kernel/macp/mint_request.h
/// What POST /tokens asks for: the checks, in the order in which the first failure answers. Pure.
#include <optional>
#include <string>
#include <string_view>

#include "macp/refusal.h"

namespace agentidp::macp {

inline constexpr std::size_t kMaxBody = 102400;
/// JSON.parse knows no bound. Deeper values would only exercise the stacks of whoever reads the token.
inline constexpr std::size_t kMaxDepth = 1000;

struct RawMintRequest {
    std::optional<std::string_view> contentType;  ///< absent: none, or more than one
    std::string_view body;
};

struct TtlRules {
    double defaultSeconds = 300;  ///< also held under the maximum
    double maxSeconds = 3600;
};

struct MintRequest {
    std::string sender;      ///< WTF-8 (base/ecma_json.h), not blank
    std::string scopesJson;  ///< an object, as JSON.stringify writes it
    double ttlSeconds = 0;   ///< over 0, at most the maximum; may have a fraction
};

/// Another media type than application/json is an empty body. Unknown members are ignored.
[[nodiscard]] MintResult<MintRequest> parseMintRequest(const RawMintRequest& request, const TtlRules& rules);

}  // namespace agentidp::macp
