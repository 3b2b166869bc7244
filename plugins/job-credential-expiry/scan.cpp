#include "scan.h"

#include <agentidp/plugin.hpp>

#include <charconv>

namespace agentidp::job_credential_expiry {
namespace {

constexpr std::string_view kVersion = "1";
constexpr std::size_t kLongestCursor = 2'048;

/// Takes what stands before the next colon off the front of `rest`.
std::optional<std::string_view> takeField(std::string_view& rest) {
    const auto colon = rest.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto field = rest.substr(0, colon);
    rest.remove_prefix(colon + 1);
    return field;
}

bool takeNumber(std::string_view& rest, std::int64_t& out) {
    const auto field = takeField(rest);
    if (!field) return false;
    const auto [end, error] = std::from_chars(field->data(), field->data() + field->size(), out);
    return error == std::errc() && end == field->data() + field->size() && out >= 0;
}

}  // namespace

std::string cursorOf(const Scan& scan) {
    return std::string(kVersion) + ":" + scan.id + ":" + std::to_string(scan.beganUs) + ":" + std::to_string(scan.expiring) + ":" +
           std::to_string(scan.expired) + ":" + scan.records;
}

std::optional<Scan> scanOf(std::string_view cursor) {
    if (cursor.size() > kLongestCursor || takeField(cursor) != kVersion) return std::nullopt;
    Scan scan;
    const auto id = takeField(cursor);
    if (!id || id->size() != 16 || id->find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
    if (!takeNumber(cursor, scan.beganUs) || !takeNumber(cursor, scan.expiring) || !takeNumber(cursor, scan.expired) || cursor.empty())
        return std::nullopt;
    scan.id = *id;
    scan.records = cursor;
    return scan;
}

Verdict judge(const CredentialRecord& record, std::int64_t beganUs, std::int64_t warnUs) {
    if (!record.expiresAtUs) return Verdict::Fine;
    const auto left = *record.expiresAtUs - beganUs;
    if (left <= -warnUs) return Verdict::ExpiredLongAgo;
    if (left <= 0) return Verdict::Expired;
    if (left < kDayUs) return Verdict::ExpiringWithinADay;
    return left < warnUs ? Verdict::Expiring : Verdict::Fine;
}

std::string findingOf(const CredentialRecord& record, Verdict verdict) {
    const bool over = verdict == Verdict::Expired || verdict == Verdict::ExpiredLongAgo;
    const char* severity = verdict == Verdict::Expiring ? "warning" : verdict == Verdict::ExpiredLongAgo ? "info" : "critical";
    return aip::Fields()
        .text("code", over ? "credential_expired" : "credential_expiring")
        .text("severity", severity)
        .text("subject", record.credentialId)
        .text("organizationId", record.organizationId)
        .raw("detail", aip::Fields().text("clientId", record.clientId).integer("expiresAt", *record.expiresAtUs).json())
        .json();
}

}  // namespace agentidp::job_credential_expiry
