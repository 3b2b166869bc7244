#pragma once
/// @file kernel/model/scope.h
/// Scopes (RFC 6749 section 3.3): parsing, normal form, and set questions. Compared as bytes.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agentidp::model {

/// A sorted vector without duplicates.
using ScopeSet = std::vector<std::string>;

inline constexpr std::size_t kMaxScopes = 64;
inline constexpr std::size_t kMaxScopeLength = 128;

/// 1*( %x21 / %x23-5B / %x5D-7E ), at most kMaxScopeLength.
[[nodiscard]] bool isScopeToken(std::string_view text);
/// Space-delimited; nothing for a broken token or more than kMaxScopes. Empty text is the empty set.
[[nodiscard]] std::optional<ScopeSet> parseScopes(std::string_view text);
[[nodiscard]] ScopeSet normalised(std::vector<std::string> scopes);
[[nodiscard]] std::string joined(const ScopeSet& scopes);
[[nodiscard]] bool isSubset(const ScopeSet& inner, const ScopeSet& outer);
[[nodiscard]] bool contains(const ScopeSet& scopes, std::string_view scope);

}  // namespace agentidp::model
