#pragma once
/// @file plugins/job-credential-expiry/scan.h
/// What a scan knows between two slices, and what it makes of one credential. Values only; any thread.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "records_page.h"

namespace agentidp::job_credential_expiry {

inline constexpr std::int64_t kDayUs = 86'400'000'000;

/// A scan looks at every record as of the moment it began, however many slices it takes.
struct Scan {
    std::string id;  ///< 16 hexadecimal digits, of this scan alone
    std::int64_t beganUs = 0;
    std::int64_t expiring = 0;  ///< so far: end within the time of warning, and not yet over
    std::int64_t expired = 0;
    std::string records;  ///< the host's cursor; empty at the beginning
};

/// The cursor of the job: `1:<id>:<began>:<expiring>:<expired>:<records>`. Nothing for any other text.
[[nodiscard]] std::string cursorOf(const Scan& scan);
[[nodiscard]] std::optional<Scan> scanOf(std::string_view cursor);

enum class Verdict { Fine, Expiring, ExpiringWithinADay, Expired, ExpiredLongAgo };
/// `Fine`: no end, or after the time of warning. `ExpiredLongAgo`: longer ago than the time of warning.
[[nodiscard]] Verdict judge(const CredentialRecord& record, std::int64_t beganUs, std::int64_t warnUs);

/// The finding as findings.v1 wants it. Not for Fine.
[[nodiscard]] std::string findingOf(const CredentialRecord& record, Verdict verdict);

}  // namespace agentidp::job_credential_expiry
