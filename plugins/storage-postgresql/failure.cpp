#include "failure.h"

namespace agentidp::storage_postgresql {

namespace {

bool begins(std::string_view text, std::string_view with) { return text.substr(0, with.size()) == with; }

}  // namespace

bool isLostRace(std::string_view sqlstate) { return sqlstate == "40001" || sqlstate == "40P01" || sqlstate == "55P03"; }

bool isForgotten(std::string_view sqlstate) { return sqlstate == "26000" || sqlstate == "42P05" || sqlstate == "0A000"; }

aip::Fail failureOf(std::string_view sqlstate, const std::string& message) {
    const std::string detail = "postgresql " + std::string(sqlstate.empty() ? "(no answer)" : sqlstate) + ": " + message;
    if (const auto at = message.find(kCounted); sqlstate == "22P02" && at != std::string::npos) {
        if (message.compare(at + kCounted.size(), 2, "0\"") == 0) return aip::notFound("no such row");
        return aip::conflict("another number of rows than expected");
    }
    if (sqlstate == "23505") return aip::exists("a unique value is taken", detail);
    if (begins(sqlstate, "22") || begins(sqlstate, "23")) return aip::invalid("a value does not fit its column", detail);
    if (isLostRace(sqlstate)) return aip::conflict("another transaction was first", detail);
    if (sqlstate == "57014") return aip::deadline();
    if (sqlstate == "25006") return aip::unavailable("the PostgreSQL server takes no writes: it is a standby", detail);
    if (sqlstate == "53100") return aip::unavailable("the disk of the PostgreSQL server is full", detail);
    if (sqlstate == "42501") return aip::unavailable("the role of the PostgreSQL connection may not do this", detail);
    if (sqlstate == "3D000" || begins(sqlstate, "28")) return aip::unavailable("the PostgreSQL server refuses the connection", detail);
    if (sqlstate == "42P01" || sqlstate == "3F000")
        return aip::unavailable("the store holds no schema yet; run agentidp migrate up", detail);
    if (sqlstate.empty() || begins(sqlstate, "08") || begins(sqlstate, "53") || begins(sqlstate, "57") || begins(sqlstate, "58") ||
        begins(sqlstate, "XX"))
        return aip::unavailable("the PostgreSQL server does not answer", detail);
    return aip::internal("the PostgreSQL server refused a statement", detail);
}

}  // namespace agentidp::storage_postgresql
