#pragma once
/// @file plugins/keys-awskms/kms.h
/// The API of AWS KMS: one operation in, its JSON answer out, signed, bounded in rate, and tried again while the deadline lasts. Any
/// thread.
#include <agentidp/plugin.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "credentials.h"
#include "remote/json.h"
#include "remote/service.h"

namespace agentidp::keys_awskms {

class Kms {
public:
    struct Settings {
        std::string region;
        std::string endpoint;  ///< empty: AWS's of the region
        std::string caFile;    ///< empty: the system's roots
        std::int64_t perSecond = 100;
    };
    /// AIP_E_INVALID: the endpoint is no URL, or neither https nor this machine's.
    static aip::Outcome<std::unique_ptr<Kms>> open(const aip::Host& host, Settings settings, Credentials& credentials);

    /// Whether an operation may be sent again where it may have taken effect.
    enum class Again { Yes, No };
    /// `operation`: "Sign". Throttling and failures of the service are tried again with growing pauses until the deadline,
    /// and for eight seconds at most; then AIP_E_UNAVAILABLE with the service's word. AIP_E_NOTFOUND: no such key. AIP_E_DENIED: the caller
    /// may not, or the credentials or the clock are wrong, each with its mend. AIP_E_CONFLICT: the key is disabled or about to be deleted.
    /// AIP_E_EXISTS. AIP_E_INVALID: the service takes the ciphertext or the arguments for wrong.
    aip::Outcome<remote::Json> ask(std::string_view operation, aip::Secret body, Again again, const aip::Call& call);

private:
    Kms(const aip::Host& host, Settings settings, Credentials& credentials)
        : host_(host), settings_(std::move(settings)), credentials_(credentials) {}
    struct Attempt {
        std::optional<remote::Json> answer;
        aip::Fail fail;
        bool transient = false;  ///< another try may succeed
        bool refused = false;    ///< it took no effect, for sure
        bool stale = false;      ///< the access key is not accepted: another may be
    };
    Attempt attempt(std::string_view operation, const aip::Secret& body, const aip::Call& call);
    Attempt judge(std::string_view operation, const remote::Answer& answer, const Credentials::Key& key);
    aip::Status takeTurn(const aip::Call& call);
    aip::Status pause(std::chrono::nanoseconds time, const aip::Call& call);

    const aip::Host& host_;
    Settings settings_;
    Credentials& credentials_;
    std::unique_ptr<remote::Service> service_;
    std::string hostHeader_;
    std::mutex mutex_;  ///< of the bucket
    double tokens_ = 0;
    std::uint64_t filledNs_ = 0;
};

}  // namespace agentidp::keys_awskms
