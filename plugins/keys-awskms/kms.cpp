#include "kms.h"

#include <algorithm>
#include <thread>

namespace agentidp::keys_awskms {
namespace {

constexpr auto kFirstPause = std::chrono::milliseconds(50);
constexpr auto kLongestPause = std::chrono::milliseconds(2'000);
constexpr auto kTriesWithin = std::chrono::milliseconds(8'000);  // whoever began this should hear why it cannot be done now
constexpr auto kLook = std::chrono::milliseconds(20);

enum class Meaning { Throttled, Broken, Denied, NotFound, Disabled, Credentials, Clock, Ciphertext, Exists };
struct Word {
    std::string_view type;
    Meaning meaning;
};
// KMS API Reference, "Common Errors" and the errors of each operation.
constexpr Word kWords[] = {{"ThrottlingException", Meaning::Throttled},
                           {"Throttling", Meaning::Throttled},
                           {"TooManyRequestsException", Meaning::Throttled},
                           {"RequestLimitExceeded", Meaning::Throttled},
                           {"LimitExceededException", Meaning::Throttled},
                           {"KMSInternalException", Meaning::Broken},
                           {"DependencyTimeoutException", Meaning::Broken},
                           {"KeyUnavailableException", Meaning::Broken},
                           {"ServiceUnavailable", Meaning::Broken},
                           {"InternalFailure", Meaning::Broken},
                           {"AccessDeniedException", Meaning::Denied},
                           {"NotAuthorized", Meaning::Denied},
                           {"OptInRequired", Meaning::Denied},
                           {"NotFoundException", Meaning::NotFound},
                           {"DisabledException", Meaning::Disabled},
                           {"KMSInvalidStateException", Meaning::Disabled},
                           {"ExpiredTokenException", Meaning::Credentials},
                           {"UnrecognizedClientException", Meaning::Credentials},
                           {"InvalidClientTokenId", Meaning::Credentials},
                           {"IncompleteSignature", Meaning::Credentials},
                           {"MissingAuthenticationToken", Meaning::Credentials},
                           {"InvalidSignatureException", Meaning::Credentials},
                           {"RequestExpired", Meaning::Clock},
                           {"InvalidCiphertextException", Meaning::Ciphertext},
                           {"IncorrectKeyException", Meaning::Ciphertext},
                           {"AlreadyExistsException", Meaning::Exists}};

/// "com.amazonaws.kms#ThrottlingException" and "ThrottlingException:http://..." are the same word.
std::string_view wordIn(std::string_view type) {
    if (const auto hash = type.rfind('#'); hash != std::string_view::npos) type.remove_prefix(hash + 1);
    return type.substr(0, type.find(':'));
}

/// AWS says so of a time that is off by more than five minutes.
bool tellsOfTheClock(std::string_view message) {
    return message.find("Signature expired") != std::string_view::npos ||
           message.find("Signature not yet current") != std::string_view::npos;
}

}  // namespace

aip::Outcome<std::unique_ptr<Kms>> Kms::open(const aip::Host& host, Settings settings, Credentials& credentials) {
    remote::Settings where;
    where.url = settings.endpoint.empty() ? "https://kms." + settings.region + ".amazonaws.com" : settings.endpoint;
    while (!where.url.empty() && where.url.back() == '/') where.url.pop_back();
    where.caFile = settings.caFile;
    where.idleConnections = 16;
    auto service = remote::Service::open(where);
    if (!service) return service.fail();
    if (!(*service)->encrypted() && !(*service)->local())
        return aip::invalid("plugins.keys-awskms.endpoint is neither https nor this machine's");
    std::unique_ptr<Kms> kms(new Kms(host, std::move(settings), credentials));
    const auto& origin = (*service)->origin();
    kms->hostHeader_ = where.url.substr(where.url.find("://") + 3);
    if (kms->hostHeader_.find('/') != std::string::npos) return aip::invalid("plugins.keys-awskms.endpoint has a path", origin);
    kms->service_ = std::move(*service);
    kms->tokens_ = static_cast<double>(kms->settings_.perSecond);
    kms->filledNs_ = host.monoNs();
    return kms;
}

aip::Outcome<remote::Json> Kms::ask(std::string_view operation, aip::Secret body, Again again, const aip::Call& call) {
    auto wait = std::chrono::duration_cast<std::chrono::nanoseconds>(kFirstPause);
    const auto began = std::chrono::steady_clock::now();
    for (bool renewed = false;;) {
        if (auto turn = takeTurn(call); !turn) return turn.fail();
        auto tried = attempt(operation, body, call);
        if (tried.answer) return std::move(*tried.answer);
        // Keys that ended meanwhile are fetched anew, once.
        if (tried.stale && !renewed) {
            renewed = true;
            continue;
        }
        if (!tried.transient || (again == Again::No && !tried.refused)) return tried.fail;
        std::uint32_t random = 0;
        if (!host_.random(&random, sizeof random)) random = 1U << 31U;
        // Full jitter: many replicas that were throttled together do not come back together.
        const auto jittered =
            std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(wait.count()) * (random / 4294967296.0)));
        const auto spent = std::chrono::steady_clock::now() - began;
        if (jittered + kFirstPause > call.left() || spent + jittered > kTriesWithin) {
            tried.fail.retryAfterMs = static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(wait).count());
            return tried.fail;
        }
        host_.metric("retries");
        if (auto paused = pause(jittered, call); !paused) return paused.fail();
        wait = std::min<std::chrono::nanoseconds>(wait * 2, kLongestPause);
    }
}

Kms::Attempt Kms::attempt(std::string_view operation, const aip::Secret& body, const aip::Call& call) {
    const auto key = credentials_.get(call);
    if (!key) return {std::nullopt, key.fail(), false, true};
    Signable signable;
    signable.body = body.view();
    const auto time = amzDate(host_.wallUs());
    const std::string target = "TrentService." + std::string(operation);
    signable.headers = {
        {"content-type", "application/x-amz-json-1.1"}, {"host", hostHeader_}, {"x-amz-date", time}, {"x-amz-target", target}};
    if (!(*key)->sessionToken.empty()) signable.headers.emplace_back("x-amz-security-token", (*key)->sessionToken.view());
    auto authorized = authorization(signable, {settings_.region, "kms", time}, **key);
    if (!authorized) return {std::nullopt, authorized.fail(), false, true};
    remote::Request request;
    request.method = "POST";
    request.path = "/";
    request.contentType = "application/x-amz-json-1.1";
    request.body = aip::Secret(body.view());
    request.headers.push_back({"X-Amz-Date", aip::Secret(std::string_view(time))});
    request.headers.push_back({"X-Amz-Target", aip::Secret(std::string_view(target))});
    request.headers.push_back({"Authorization", aip::Secret(std::string_view(*authorized))});
    if (!(*key)->sessionToken.empty()) {
        aip::wipe(signable.headers.back().second.data(), signable.headers.back().second.size());
        request.headers.push_back({"X-Amz-Security-Token", aip::Secret((*key)->sessionToken.view())});
    }
    host_.metric("requests");
    const auto answer = service_->ask(request, call);
    if (!answer) return {std::nullopt, answer.fail(), answer.fail().status == AIP_E_UNAVAILABLE, false};
    return judge(operation, *answer, *key);
}

Kms::Attempt Kms::judge(std::string_view operation, const remote::Answer& answer, const Credentials::Key& key) {
    auto told = remote::Json::parse(answer.body.empty() ? std::string_view("{}") : answer.body.view());
    if (answer.status == 200) {
        if (told) return {std::move(*told), {}, false, false};
        return {std::nullopt, told.fail(), true, false};
    }
    std::string type, message;
    if (told) {
        type = wordIn((*told)["__type"].text().value_or(std::string_view()));
        message = (*told)["message"].text().value_or((*told)["Message"].text().value_or(std::string_view()));
    }
    if (type.empty()) type = wordIn(answer.header("x-amzn-errortype"));
    const auto known = std::find_if(std::begin(kWords), std::end(kWords), [&](const Word& word) { return word.type == type; });
    const std::string said =
        "KMS " + std::string(operation) + ": " + std::to_string(answer.status) + " " + type + (message.empty() ? "" : ": " + message);
    const auto meaning = known != std::end(kWords) ? known->meaning
                         : answer.status >= 500    ? Meaning::Broken
                         : answer.status == 429    ? Meaning::Throttled
                                                   : Meaning::Ciphertext;
    switch (meaning) {
        case Meaning::Throttled:
            host_.metric("throttled");
            return {std::nullopt, aip::unavailable("AWS KMS throttles this account", said + ": see Quotas in the page keys-awskms"), true,
                    true};
        case Meaning::Broken: return {std::nullopt, aip::unavailable("AWS KMS fails", said), true, false};
        case Meaning::Denied:
            return {std::nullopt, aip::denied("AWS KMS permits this not", said + ": see Privileges in the page keys-awskms"), false, true};
        case Meaning::NotFound: return {std::nullopt, aip::notFound("AWS KMS has no such key in this region", said), false, true};
        case Meaning::Disabled:
            return {std::nullopt,
                    aip::conflict("the KMS key is disabled or about to be deleted", said + ": enable it, or cancel its deletion"), false,
                    true};
        case Meaning::Exists: return {std::nullopt, aip::exists("AWS KMS has it already", said), false, true};
        case Meaning::Clock:
        case Meaning::Credentials: break;
        case Meaning::Ciphertext: return {std::nullopt, aip::invalid("AWS KMS refuses this", said), false, true};
    }
    if (meaning == Meaning::Clock || tellsOfTheClock(message))
        return {std::nullopt,
                aip::denied("the clock of this machine differs from AWS's by more than five minutes",
                            said + "; AWS says it is " + std::string(answer.header("date")) + ": set the clock (NTP)"),
                false, true};
    credentials_.discard(key);
    return {std::nullopt,
            aip::denied("AWS does not accept these credentials",
                        said + "; access key " + key->id + " from " + credentials_.source() + ": ended, revoked, or another account's"),
            false, true, true};
}

aip::Status Kms::takeTurn(const aip::Call& call) {
    for (;;) {
        std::chrono::nanoseconds wait{};
        {
            const std::lock_guard lock(mutex_);
            const auto now = host_.monoNs();
            const auto rate = static_cast<double>(settings_.perSecond);
            tokens_ = std::min(rate, tokens_ + static_cast<double>(now - filledNs_) * rate / 1e9);
            filledNs_ = now;
            if (tokens_ >= 1) {
                tokens_ -= 1;
                return {};
            }
            wait = std::chrono::nanoseconds(static_cast<std::int64_t>((1 - tokens_) * 1e9 / rate));
        }
        if (wait > call.left()) return aip::unavailable("more requests for AWS KMS than plugins.keys-awskms.per_second");
        if (auto paused = pause(wait, call); !paused) return paused;
    }
}

aip::Status Kms::pause(std::chrono::nanoseconds time, const aip::Call& call) {
    const auto end = std::chrono::steady_clock::now() + time;
    for (;;) {
        if (auto given = call.check(); !given) return given;
        const auto now = std::chrono::steady_clock::now();
        if (now >= end) return {};
        std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(end - now, kLook));
    }
}

}  // namespace agentidp::keys_awskms
