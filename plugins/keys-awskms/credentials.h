#pragma once
/// @file plugins/keys-awskms/credentials.h
/// Where the access key comes from, in the order in which AWS's own tools look: settings, environment, web identity (IRSA), the container's
/// endpoint (ECS, EKS Pod Identity), the instance's metadata service (version 2 only). Keys that end are fetched anew five minutes before.
/// Any thread.
#include <agentidp/plugin.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "remote/service.h"
#include "sigv4.h"

namespace agentidp::keys_awskms {

class Credentials {
public:
    struct Settings {
        std::string accessKeyId;      ///< empty: not by settings
        std::string secretAccessKey;  ///< a secret reference
        std::string sessionToken;     ///< a secret reference, or empty
        std::string region;
        std::string stsEndpoint;  ///< empty: AWS's of the region
        std::string caFile;       ///< of the STS endpoint; empty: the system's
    };
    Credentials(const aip::Host& host, Settings settings) : host_(host), settings_(std::move(settings)) {}

    using Key = std::shared_ptr<const AccessKey>;
    /// AIP_E_DENIED: nobody gives one, with what was looked for; AIP_E_UNAVAILABLE: whoever gives them does not answer.
    aip::Outcome<Key> get(const aip::Call& call);
    /// Says that AWS takes this one no more: the next get() asks anew.
    void discard(const Key& key);
    /// "settings", "environment", "web identity", "container", "instance"; empty before the first get().
    [[nodiscard]] std::string source() const;

private:
    struct Fetched {
        Key key;
        std::int64_t endsUs = 0;  ///< 0: never
    };
    aip::Outcome<Fetched> fetch(const aip::Call& call);
    aip::Outcome<Fetched> fromReferences(const std::string& id, const std::string& secret, const std::string& token) const;
    aip::Outcome<Fetched> fromWebIdentity(const aip::Call& call);
    aip::Outcome<Fetched> fromContainer(const aip::Call& call);
    aip::Outcome<Fetched> fromInstance(const aip::Call& call);
    [[nodiscard]] std::string variable(const char* name) const;

    const aip::Host& host_;
    Settings settings_;
    mutable std::timed_mutex fetching_;
    mutable std::mutex mutex_;  ///< of what follows
    Fetched held_;
    std::string source_;
};

/// What metadata services answer: {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}. AIP_E_UNAVAILABLE for anything else.
struct SessionKey {
    std::shared_ptr<const AccessKey> key;
    std::int64_t endsUs = 0;
};
[[nodiscard]] aip::Outcome<SessionKey> readSessionKey(std::string_view json);
/// The answer of AssumeRoleWithWebIdentity (XML).
[[nodiscard]] aip::Outcome<SessionKey> readAssumedRole(std::string_view xml);

}  // namespace agentidp::keys_awskms
