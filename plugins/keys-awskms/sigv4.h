#pragma once
/// @file plugins/keys-awskms/sigv4.h
/// AWS Signature Version 4 in the Authorization header (docs.aws.amazon.com, "Create a signed AWS API request"). Pure; any thread.
#include <agentidp/plugin.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agentidp::keys_awskms {

struct AccessKey {
    std::string id;
    aip::Secret secret;
    aip::Secret sessionToken;  ///< empty for a user's own key
};

struct Signable {
    std::string method = "POST";
    std::string path = "/";                                    ///< already percent-encoded; no query
    std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case; host and x-amz-date among them
    std::string_view body;
};

/// Where a signature holds.
struct Scope {
    std::string region;
    std::string service;
    std::string time;  ///< as x-amz-date has it
};

/// 20261122T173638Z.
[[nodiscard]] std::string amzDate(std::int64_t wallUs);
/// The value of the Authorization header.
[[nodiscard]] aip::Outcome<std::string> authorization(const Signable& request, const Scope& scope, const AccessKey& key);

}  // namespace agentidp::keys_awskms
