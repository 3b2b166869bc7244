#pragma once
/// @file plugins/vault/session.h
/// A login at Vault or OpenBao that is kept alive: every request carries a token that still holds, is renewed at two thirds of its lease
/// by a thread of the session's own, and is replaced by a new login where renewal is refused. What Vault refuses is told apart: sealed,
/// standby, a token that ended, a policy that lacks something.
#include <agentidp/plugin.hpp>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "login.h"

namespace agentidp::vault {

/// Any thread. Has threads: AIP_F_THREADS, and it must be gone when stop() returns.
class Session {
public:
    /// Reaches Vault and logs in; what it cannot is said with its mend.
    static aip::Outcome<std::unique_ptr<Session>> open(Settings settings, const aip::Host& host, const aip::Call& call);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// `path` without the leading /v1/. The answer's JSON, absent where it has none. AIP_E_NOTFOUND: nothing is there. AIP_E_INVALID: Vault
    /// finds the request wrong (its own words are in the detail). AIP_E_DENIED: the policy, or no token can be had. AIP_E_UNAVAILABLE:
    /// sealed, standby, overloaded, unreachable.
    aip::Outcome<remote::Json> ask(const std::string& method, const std::string& path, aip::Secret body, const aip::Call& call);
    aip::Outcome<remote::Json> read(const std::string& path, const aip::Call& call) { return ask("GET", path, {}, call); }

    /// sys/health, which needs no token; sets `address`, `version`, `token_seconds_left`. Fails where Vault cannot serve.
    aip::Status health(aip::Fields& details, const aip::Call& call);

    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] const aip::Host& host() const { return host_; }

private:
    Session(Settings settings, const aip::Host& host, std::unique_ptr<remote::Service> service);
    aip::Outcome<remote::Answer> send(const std::string& method, const std::string& path, std::string_view body, std::string_view token,
                                      const aip::Call& call);
    aip::Status login(const aip::Call& call);
    /// A new token where `stale` is still the one in use. AIP_E_DENIED: none can be had.
    aip::Status replace(std::string_view stale, const aip::Call& call);
    [[nodiscard]] bool isDead(std::string_view token, const aip::Call& call);
    [[nodiscard]] aip::Secret token() const;
    void take(Token token);
    void keepAlive();
    aip::Status renew(const aip::Call& call);
    [[nodiscard]] aip::Fail failOf(const remote::Answer& answer, const std::string& what) const;

    Settings settings_;
    aip::Host host_;
    std::unique_ptr<remote::Service> service_;
    std::mutex loggingIn_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    Token token_;
    std::uint64_t tokenSinceNs_ = 0;
    std::atomic<bool> ending_{false};
    std::thread renewer_;
};

}  // namespace agentidp::vault
