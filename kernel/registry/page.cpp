#include "registry/page.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/text.h"

namespace agentidp::registry {
namespace {

constexpr std::size_t kMaxFilterLength = 255;

}  // namespace

model::Decided<Query, model::Problem> parseQuery(std::string_view query) {
    Query out;
    while (!query.empty()) {
        const auto end = query.find('&');
        const auto pair = query.substr(0, end);
        query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        auto name = base::formDecode(pair.substr(0, equals));
        auto value = base::formDecode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
        if (!name || !value || !base::isUtf8(*name) || !base::isUtf8(*value))
            return model::problem(model::ProblemCode::ValidationError, "the query is not well-formed");
        out.emplace_back(std::move(*name), std::move(*value));
    }
    return out;
}

model::Decided<PageRequest, model::Problem> parsePage(const Query& query, const std::vector<std::string_view>& allowedFilters,
                                                      const Cursors& cursors, std::string_view scope) {
    PageRequest page;
    page.filters.resize(allowedFilters.size());
    std::vector<model::FieldError> errors;
    std::set<std::string_view> seen;
    const std::string* cursor = nullptr;
    for (const auto& parameter : query) {
        const auto& name = parameter.first;
        const auto& value = parameter.second;
        const auto fault = [&](std::string detail) { errors.push_back({"?" + name, std::move(detail)}); };
        const auto filter = std::find(allowedFilters.begin(), allowedFilters.end(), name);
        if (!seen.insert(name).second) {
            fault("occurs twice");
        } else if (name == "limit") {
            const auto limit = base::parseInt(value);
            if (!limit || *limit < 1 || *limit > kMaxLimit)
                fault("must be a number from 1 to " + std::to_string(kMaxLimit));
            else
                page.limit = static_cast<std::uint32_t>(*limit);
        } else if (name == "cursor") {
            cursor = &value;
        } else if (filter == allowedFilters.end()) {
            errors.push_back({"?", "a parameter is not known here"});
        } else if (value.empty() || value.size() > kMaxFilterLength) {
            fault("must have 1 to " + std::to_string(kMaxFilterLength) + " bytes");
        } else {
            page.filters[static_cast<std::size_t>(filter - allowedFilters.begin())] = value;
        }
    }
    if (cursor != nullptr && errors.empty()) {
        page.after = cursors.decode(*cursor, filterKey(scope, page));
        if (!page.after) errors.push_back({"?cursor", "is not a cursor of this list with these filters"});
    }
    if (!errors.empty()) return model::invalid(std::move(errors));
    return page;
}

std::string filterKey(std::string_view scope, const PageRequest& page) {
    std::string key(scope);
    for (const auto& filter : page.filters) {
        key.push_back('\n');
        if (filter) key.append(std::to_string(filter->size())).append(":").append(*filter);
    }
    return key;
}

std::string pageBody(const std::vector<std::string>& items, const std::optional<std::string>& nextCursor) {
    std::string body;
    base::json::Writer writer(body);
    writer.beginObject().key("data").beginArray();
    for (const auto& item : items) writer.raw(item);
    writer.endArray().key("nextCursor");
    if (nextCursor)
        writer.text(*nextCursor);
    else
        writer.null();
    writer.endObject();
    return body;
}

}  // namespace agentidp::registry
