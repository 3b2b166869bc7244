#pragma once
/// @file plugins/keys-pkcs11/token.h
/// One token: found by its label or URI, logged in to, and worked with over a bounded number of sessions that heal. Any thread.
#include <agentidp/plugin.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "module.h"

namespace agentidp::keys_pkcs11 {

class Token {
public:
    struct Settings {
        std::string module;  ///< path, or name in p11-kit's configuration
        std::string token;   ///< the token's label, or a URI (RFC 7512)
        std::string pin;     ///< a secret reference; empty: the token wants none, or has a PIN pad
        std::size_t sessions = 8;
    };
    Token(const aip::Host& host, Settings settings) : host_(host), settings_(std::move(settings)) {}
    Token(const Token&) = delete;
    Token& operator=(const Token&) = delete;
    ~Token() { close(); }

    /// Loads the module, finds the token and logs in.
    aip::Status open(const aip::Call& call);
    /// Ends all sessions. Nobody may be inside run().
    void close();

    /// Something done over one session; what it answers must be the answer of the first function that failed.
    using Work = std::function<CK_RV(CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session)>;
    /// Runs `work` over a session that is logged in. Where session, login or token turn out to be gone, once more over a new one. At most
    /// `sessions` run at once; others wait until their deadline. AIP_E_DENIED for the PIN: it was refused once, and is not tried again.
    aip::Outcome<CK_RV> run(const aip::Call& call, const Work& work);
    /// Grows when handles of objects may have become others'.
    [[nodiscard]] std::uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }

    [[nodiscard]] bool offers(CK_MECHANISM_TYPE mechanism) const { return mechanisms_.count(mechanism) != 0; }
    struct About {
        std::string label, serial, model;
    };
    [[nodiscard]] About about() const;

private:
    struct Session {
        CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
        std::uint64_t epoch = 0;
    };
    using Instant = std::chrono::steady_clock::time_point;

    /// Begins the module anew, unless that was done a moment ago.
    bool lookAnew(Instant end);
    aip::Outcome<Session> take(const aip::Call& call, Instant end);
    void giveBack(Session session, bool sound);
    void lose(std::uint64_t epoch);
    aip::Outcome<Session> openSession(const aip::Call& call, Instant end);
    aip::Outcome<Session> connect();
    [[nodiscard]] aip::Outcome<CK_SLOT_ID> findSlot() const;
    aip::Status login(CK_SESSION_HANDLE session);
    aip::Status learnMechanisms();

    const aip::Host& host_;
    Settings settings_;
    Module module_;
    mutable std::shared_mutex inside_;  ///< shared: in the module; alone: while it begins anew
    std::timed_mutex connecting_;       ///< one login at a time
    std::optional<CK_SLOT_ID> slot_;    ///< under connecting_
    Instant reopenedAt_{};              ///< under connecting_
    std::optional<aip::Fail> refused_;  ///< under connecting_: what the token said of the PIN
    std::set<CK_MECHANISM_TYPE> mechanisms_;
    mutable std::mutex mutex_;  ///< of what follows
    std::condition_variable freed_;
    std::vector<Session> idle_;
    std::size_t open_ = 0;
    About about_;
    std::atomic<std::uint64_t> epoch_{1};
};

}  // namespace agentidp::keys_pkcs11
