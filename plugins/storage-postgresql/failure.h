#pragma once
/// @file plugins/storage-postgresql/failure.h
/// What the server refused, as the border tells it. The codes are those of the PostgreSQL manual, appendix A.
#include <agentidp/plugin.hpp>
#include <string>
#include <string_view>

namespace agentidp::storage_postgresql {

/// Raised inside a statement by Run where another number of rows matched than expected; the number follows.
inline constexpr std::string_view kCounted = "agentidp counted ";

/// Serialization failure, deadlock, lock not available: another transaction was first.
[[nodiscard]] bool isLostRace(std::string_view sqlstate);

/// A prepared statement is unknown, or its name taken, or its plan of no use any more: whoever is at the other end is not who prepared it.
[[nodiscard]] bool isForgotten(std::string_view sqlstate);

/// `sqlstate` may be empty: then nothing came back.
[[nodiscard]] aip::Fail failureOf(std::string_view sqlstate, const std::string& message);

}  // namespace agentidp::storage_postgresql
