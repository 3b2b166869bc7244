#pragma once
/// @file plugins/keys-pkcs11/module.h
/// A PKCS#11 module through p11-kit, which lets several users of one process share it and initialises it for threads (CKF_OS_LOCKING_OK).
#include <p11-kit/pkcs11.h>
#include <sys/types.h>
#include <agentidp/plugin.hpp>

#include <string>

namespace agentidp::keys_pkcs11 {

/// One thread opens and closes it; functions() is for any thread meanwhile.
class Module {
public:
    Module() = default;
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;
    ~Module() { close(); }

    /// `module`: an absolute path, or the name of a module that p11-kit is configured with (`p11-kit list-modules`). AIP_E_INVALID: there
    /// is none; AIP_E_UNAVAILABLE: it does not start.
    aip::Status open(const std::string& module);
    /// Ends and begins it anew, so that it looks at its readers and tokens again. Nobody may be inside it.
    aip::Status reopen();
    void close();

    [[nodiscard]] CK_FUNCTION_LIST& functions() const { return *functions_; }
    /// False in a child of fork: PKCS#11 leaves a module undefined there until it is initialised again, so it is not used at all.
    [[nodiscard]] bool mine() const;

private:
    aip::Status begin();

    CK_FUNCTION_LIST* functions_ = nullptr;
    CK_FUNCTION_LIST** configured_ = nullptr;  ///< all that p11-kit is configured with, where ours was asked for by name
    bool begun_ = false;
    pid_t owner_ = 0;
};

/// What an answer of the module means; `doing` is the function that gave it.
[[nodiscard]] aip::Fail failOf(CK_RV rv, const char* doing);
/// The session, the login or the token went away: what was asked did not happen, and may be asked again over a new session.
[[nodiscard]] bool isLoss(CK_RV rv);

}  // namespace agentidp::keys_pkcs11
