#pragma once
/// @file plugins/job-credential-expiry/records_page.h
/// One page of records.v1 as values: `{"records": [{...}], "cursor": "..."}`. Members that this job does not use are skipped. Any thread.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agentidp::job_credential_expiry {

struct CredentialRecord {
    std::string credentialId;
    std::string clientId;
    std::string organizationId;
    std::optional<std::int64_t> expiresAtUs;
};

struct RecordsPage {
    std::vector<CredentialRecord> records;
    std::string cursor;  ///< empty: the last page
};

/// Nothing where `json` is not such a page.
[[nodiscard]] std::optional<RecordsPage> parsePage(std::string_view json);

}  // namespace agentidp::job_credential_expiry
