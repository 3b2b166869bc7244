#include "session.h"

#include <algorithm>

namespace agentidp::vault {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr seconds kOwnCall{10};    ///< for what the session asks on its own
constexpr seconds kFirstRetry{1};  ///< after a renewal that failed, doubled each time
constexpr seconds kLongestRetry{30};

/// A call of the session's own: ends with the session.
struct OwnCall {
    aip_call raw{};
    const std::atomic<bool>* ending;
    OwnCall(const aip::Host& host, const std::atomic<bool>& over) : ending(&over) {
        raw.size = sizeof raw;
        raw.deadline_mono_ns = host.monoNs() + static_cast<std::uint64_t>(kOwnCall.count()) * kSecond;
        raw.cancelled = [](const aip_call* call) { return reinterpret_cast<const OwnCall*>(call)->ending->load() ? 1 : 0; };
    }
};

/// Vault's own words; they name paths and policies, never secrets.
std::string wordsOf(const remote::Json& answer) {
    std::string words;
    for (const auto& each : answer["errors"].items())
        if (const auto text = each.text()) words += (words.empty() ? "" : "; ") + std::string(*text);
    std::replace(words.begin(), words.end(), '\n', ' ');
    return words.substr(0, 240);
}

bool has(const std::string& words, std::string_view part) { return words.find(part) != std::string::npos; }

}  // namespace

Session::Session(Settings settings, const aip::Host& host, std::unique_ptr<remote::Service> service)
    : settings_(std::move(settings)), host_(host), service_(std::move(service)) {}

Session::~Session() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    wake_.notify_all();
    if (renewer_.joinable()) renewer_.join();
}

aip::Outcome<std::unique_ptr<Session>> Session::open(Settings settings, const aip::Host& host, const aip::Call& call) {
    auto service = remote::Service::open(settings.service);
    if (!service)
        return aip::Fail{service.fail().status, settings.setting("address") + ": " + service.fail().message, service.fail().detail};
    std::unique_ptr<Session> session(new Session(std::move(settings), host, std::move(*service)));
    if (!session->service_->encrypted() && !session->service_->local())
        host.warn(session->settings_.plugin + ": " + session->service_->origin() +
                  " is not encrypted: keys, secrets and the token cross the network in the clear");
    if (auto done = session->login(call); !done) return done.fail();
    session->renewer_ = std::thread([raw = session.get()] { raw->keepAlive(); });
    return session;
}

aip::Outcome<remote::Answer> Session::send(const std::string& method, const std::string& path, std::string_view body,
                                           std::string_view token, const aip::Call& call) {
    remote::Request request;
    request.method = method;
    request.path = path;
    request.body = aip::Secret(body);
    // An agent in between wants it; Vault itself passes it.
    request.headers.push_back({"X-Vault-Request", aip::Secret(std::string_view("true"))});
    if (!settings_.space.empty()) request.headers.push_back({"X-Vault-Namespace", aip::Secret(settings_.space)});
    if (!token.empty()) request.headers.push_back({"X-Vault-Token", aip::Secret(token)});
    host_.metric("requests");
    auto answer = service_->ask(request, call);
    if (!answer || answer->status >= 500) host_.metric("request_failures");
    return answer;
}

aip::Fail Session::failOf(const remote::Answer& answer, const std::string& what) const {
    const auto json = remote::Json::parse(answer.body.view());
    const auto words = json.ok() ? wordsOf(*json) : std::string();
    const auto detail = what + ": " + std::to_string(answer.status) + (words.empty() ? "" : ": " + words);
    if (has(words, "is sealed")) return aip::unavailable("Vault is sealed: unseal it (bao operator unseal, vault operator unseal)", detail);
    switch (answer.status) {
        case 400: return aip::invalid("Vault finds the request wrong", detail);
        case 403:
            return aip::denied("Vault's policy does not allow this: see Privileges in docs/operators/" + settings_.plugin + ".md", detail);
        case 404:
            if (has(words, "no handler for route"))
                return aip::denied("Vault has no engine mounted there: enable it, or mend the mount setting", detail);
            return aip::notFound("Vault has nothing there", detail);
        case 405: return aip::denied("Vault's engine does not know this operation: is it the engine the settings name?", detail);
        case 307:
        case 308:
        case 429:
        case 472:
        case 473:
            if (answer.status == 429 && !words.empty()) break;
            return aip::unavailable("this Vault is a standby: " + settings_.setting("address") + " must reach the active node", detail);
        case 501: return aip::unavailable("Vault is not initialised", detail);
        default: break;
    }
    auto fail = aip::unavailable("Vault cannot serve now", detail);
    if (answer.status == 429) fail.retryAfterMs = 1'000;
    return fail;
}

aip::Secret Session::token() const {
    const std::lock_guard lock(mutex_);
    return aip::Secret(token_.value.view());
}

void Session::take(Token token) {
    {
        const std::lock_guard lock(mutex_);
        token_ = std::move(token);
        tokenSinceNs_ = host_.monoNs();
    }
    wake_.notify_all();
}

aip::Status Session::login(const aip::Call& call) {
    auto prepared = prepareLogin(settings_, host_);
    if (!prepared) return prepared.fail();
    const auto& request = prepared->request;
    auto answer = send(request.method, request.path, request.body.view(), prepared->token.view(), call);
    if (!answer) return answer.fail();
    host_.metric("logins");
    if (answer->status != 200) {
        auto fail = failOf(*answer, "login (" + settings_.setting("auth") + ")");
        if (answer->status == 403 || answer->status == 400) {
            fail.status = AIP_E_DENIED;
            fail.message = settings_.method == Method::Token
                               ? "Vault does not take the token: it ended or was revoked. Give a new one in " + settings_.setting("token")
                               : "Vault refuses the login: check role and credentials of " + settings_.setting("auth");
        }
        return fail;
    }
    const auto json = remote::Json::parse(answer->body.view());
    if (!json) return json.fail();
    auto token = tokenIn(*json, std::move(*prepared));
    if (!token) return token.fail();
    take(std::move(*token));
    return {};
}

aip::Status Session::replace(std::string_view stale, const aip::Call& call) {
    const std::lock_guard one(loggingIn_);
    if (token().view() != stale) return {};
    return login(call);
}

bool Session::isDead(std::string_view token, const aip::Call& call) {
    const auto answer = send("GET", "/v1/auth/token/lookup-self", {}, token, call);
    return answer.ok() && answer->status == 403;
}

aip::Outcome<remote::Json> Session::ask(const std::string& method, const std::string& path, aip::Secret body, const aip::Call& call) {
    for (bool fresh = false;; fresh = true) {
        const auto held = token();
        const auto answer = send(method, "/v1/" + path, body.view(), held.view(), call);
        if (!answer) return answer.fail();
        if (answer->status == 200 || answer->status == 204)
            return answer->body.empty() ? aip::Outcome<remote::Json>(remote::Json()) : remote::Json::parse(answer->body.view());
        if (answer->status != 403 || fresh || !isDead(held.view(), call)) return failOf(*answer, method + " " + path);
        if (auto replaced = replace(held.view(), call); !replaced) return replaced.fail();
    }
}

aip::Status Session::health(aip::Fields& details, const aip::Call& call) {
    const auto answer = send("GET", "/v1/sys/health", {}, {}, call);
    details.text("address", service_->origin());
    if (!answer) return answer.fail();
    if (const auto json = remote::Json::parse(answer->body.view()); json.ok())
        if (const auto version = (*json)["version"].text()) details.text("version", *version);
    {
        const std::lock_guard lock(mutex_);
        if (token_.leaseSeconds > 0)
            details.integer("token_seconds_left",
                            token_.leaseSeconds - static_cast<std::int64_t>((host_.monoNs() - tokenSinceNs_) / kSecond));
    }
    // A standby passes requests on.
    if (answer->status == 200 || answer->status == 429 || answer->status == 473) return {};
    if (answer->status == 503) return aip::unavailable("Vault is sealed: unseal it (bao operator unseal, vault operator unseal)");
    return failOf(*answer, "sys/health");
}

aip::Status Session::renew(const aip::Call& call) {
    const auto held = token();
    bool renewable = false;
    {
        const std::lock_guard lock(mutex_);
        renewable = token_.renewable;
    }
    if (renewable) {
        const auto answer = send("POST", "/v1/auth/token/renew-self", "{}", held.view(), call);
        if (!answer) return answer.fail();
        if (answer->status == 200) {
            const auto json = remote::Json::parse(answer->body.view());
            if (!json) return json.fail();
            Token renewed;
            renewed.value = aip::Secret(held.view());
            renewed.leaseSeconds = (*json)["auth"]["lease_duration"].integer().value_or(0);
            renewed.renewable = (*json)["auth"]["renewable"].boolean().value_or(false);
            take(std::move(renewed));
            host_.metric("renewals");
            return {};
        }
        if (answer->status != 400 && answer->status != 403) return failOf(*answer, "auth/token/renew-self");
    }
    return replace(held.view(), call);
}

void Session::keepAlive() {
    auto pause = kFirstRetry;
    bool failed = false;
    std::unique_lock lock(mutex_);
    while (!ending_) {
        const auto lease = token_.leaseSeconds;
        const auto since = tokenSinceNs_;
        const auto due = since + static_cast<std::uint64_t>(std::max<std::int64_t>(lease, 1)) * kSecond * 2 / 3;
        const auto now = host_.monoNs();
        if (!failed && (lease == 0 || now < due)) {
            const auto changed = [&] { return ending_ || tokenSinceNs_ != since; };
            if (lease == 0)
                wake_.wait(lock, changed);
            else
                wake_.wait_for(lock, std::chrono::nanoseconds(due - now), changed);
            continue;
        }
        lock.unlock();
        const OwnCall own(host_, ending_);
        const auto done = renew(aip::Call(&own.raw, host_));
        if (!done && !ending_) {
            host_.metric("renewal_failures");
            host_.warn(settings_.plugin + ": the token could not be renewed: " + done.fail().message + " (" + done.fail().detail + ")");
        }
        lock.lock();
        failed = !done.ok();
        if (failed) wake_.wait_for(lock, pause, [this] { return ending_.load(); });
        pause = failed ? std::min(pause * 2, kLongestRetry) : kFirstRetry;
    }
}

}  // namespace agentidp::vault
