#include "model/scope.h"

#include <algorithm>

namespace agentidp::model {

bool isScopeToken(std::string_view text) {
    return !text.empty() && text.size() <= kMaxScopeLength &&
           std::all_of(text.begin(), text.end(), [](char c) { return c == 0x21 || (c >= 0x23 && c <= 0x5B) || (c >= 0x5D && c <= 0x7E); });
}

std::optional<ScopeSet> parseScopes(std::string_view text) {
    std::vector<std::string> scopes;
    while (!text.empty()) {
        const auto end = text.find(' ');
        const auto token = text.substr(0, end);
        if (!token.empty()) {
            if (!isScopeToken(token) || scopes.size() == kMaxScopes) return std::nullopt;
            scopes.emplace_back(token);
        }
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return normalised(std::move(scopes));
}

ScopeSet normalised(std::vector<std::string> scopes) {
    std::sort(scopes.begin(), scopes.end());
    scopes.erase(std::unique(scopes.begin(), scopes.end()), scopes.end());
    return scopes;
}

std::string joined(const ScopeSet& scopes) {
    std::string text;
    for (const auto& scope : scopes) {
        if (!text.empty()) text.push_back(' ');
        text += scope;
    }
    return text;
}

bool isSubset(const ScopeSet& inner, const ScopeSet& outer) {
    return std::includes(outer.begin(), outer.end(), inner.begin(), inner.end());
}

bool contains(const ScopeSet& scopes, std::string_view scope) { return std::binary_search(scopes.begin(), scopes.end(), scope); }

}  // namespace agentidp::model
