#pragma once
/// @file kernel/registry/page.h
/// Lists: `limit` (20, at most 100), opaque `cursor`, filters. A cursor carries its filters under a MAC, so that one list
/// cannot be continued as another: other filters beside it are refused.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/decided.h"
#include "model/problem.h"
#include "registry/cursor.h"

namespace agentidp::registry {

inline constexpr std::uint32_t kDefaultLimit = 20;
inline constexpr std::uint32_t kMaxLimit = 100;

/// Decoded query parameters in their order.
using Query = std::vector<std::pair<std::string, std::string>>;

struct PageRequest {
    std::uint32_t limit = kDefaultLimit;
    std::optional<Position> after;
    /// Allowed filters, in the order of `allowedFilters`; absent ones are empty.
    std::vector<std::optional<std::string>> filters;
};

/// Splits a raw query string; VALIDATION_ERROR for broken escapes or invalid UTF-8.
[[nodiscard]] model::Decided<Query, model::Problem> parseQuery(std::string_view query);

/// `scope` names the list ("agents/<organizationId>"): a cursor of another list is refused. Unknown and repeated parameters are refused.
[[nodiscard]] model::Decided<PageRequest, model::Problem> parsePage(const Query& query, const std::vector<std::string_view>& allowedFilters,
                                                                    const Cursors& cursors, std::string_view scope);

/// What the cursor of the next page has to repeat.
[[nodiscard]] std::string filterKey(std::string_view scope, const PageRequest& page);

/// `{"data":[...],"nextCursor":...}`; `items` are JSON objects.
[[nodiscard]] std::string pageBody(const std::vector<std::string>& items, const std::optional<std::string>& nextCursor);

}  // namespace agentidp::registry
