#include "module.h"

#include <p11-kit/p11-kit.h>
#include <unistd.h>

#include <cstdio>

namespace agentidp::keys_pkcs11 {
namespace {

std::string kitMessage() {
    const char* text = p11_kit_message();
    return text != nullptr ? text : "";
}

}  // namespace

aip::Status Module::open(const std::string& module) {
    close();
    if (module.front() == '/') {
        functions_ = p11_kit_module_load(module.c_str(), P11_KIT_MODULE_CRITICAL);
    } else if ((configured_ = p11_kit_modules_load(nullptr, 0)) != nullptr) {
        functions_ = p11_kit_module_for_name(configured_, module.c_str());
    }
    if (functions_ == nullptr) {
        const auto why = kitMessage();
        close();
        return aip::invalid("plugins.keys-pkcs11.module names no PKCS#11 module",
                            module + (why.empty() ? ": not among those that p11-kit list-modules shows" : ": " + why));
    }
    return begin();
}

aip::Status Module::begin() {
    const CK_RV rv = p11_kit_module_initialize(functions_);
    if (rv != CKR_OK) return failOf(rv, "C_Initialize");
    begun_ = true;
    owner_ = getpid();
    return {};
}

aip::Status Module::reopen() {
    if (!mine()) return aip::unavailable("this process was forked from the one that started keys-pkcs11");
    if (begun_) p11_kit_module_finalize(functions_);
    begun_ = false;
    return begin();
}

void Module::close() {
    // In a child of fork the module is the parent's: nothing of it may be called.
    const bool forked = begun_ && !mine();
    if (begun_ && !forked) p11_kit_module_finalize(functions_);
    if (!forked && configured_ != nullptr)
        p11_kit_modules_release(configured_);
    else if (!forked && functions_ != nullptr)
        p11_kit_module_release(functions_);
    functions_ = nullptr;
    configured_ = nullptr;
    begun_ = false;
}

bool Module::mine() const { return owner_ == getpid(); }

bool isLoss(CK_RV rv) {
    switch (rv) {
        case CKR_SESSION_HANDLE_INVALID:
        case CKR_SESSION_CLOSED:
        case CKR_USER_NOT_LOGGED_IN:
        case CKR_DEVICE_REMOVED:
        case CKR_DEVICE_ERROR:
        case CKR_TOKEN_NOT_PRESENT:
        case CKR_TOKEN_NOT_RECOGNIZED:
        case CKR_SLOT_ID_INVALID:
        case CKR_CRYPTOKI_NOT_INITIALIZED: return true;
        default: return false;
    }
}

aip::Fail failOf(CK_RV rv, const char* doing) {
    char code[32];
    std::snprintf(code, sizeof code, " (0x%lx)", static_cast<unsigned long>(rv));
    const std::string detail = std::string(doing) + ": " + p11_kit_strerror(rv) + code;
    switch (rv) {
        case CKR_PIN_INCORRECT:
        case CKR_PIN_INVALID:
        case CKR_PIN_LEN_RANGE:
            return aip::denied(
                "the token refuses the PIN",
                detail + ": it is not tried again before a restart, because a few wrong ones lock the token; see plugins.keys-pkcs11.pin");
        case CKR_PIN_LOCKED:
            return aip::denied("the PIN of the token is locked", detail + ": its security officer sets a new one (C_InitPIN)");
        case CKR_PIN_EXPIRED: return aip::denied("the PIN of the token has expired", detail + ": set a new one (C_SetPIN)");
        case CKR_USER_PIN_NOT_INITIALIZED: return aip::denied("the token has no user PIN yet", detail);
        case CKR_TOKEN_WRITE_PROTECTED:
        case CKR_SESSION_READ_ONLY: return aip::denied("the token is write protected", detail);
        case CKR_DEVICE_MEMORY: return aip::unavailable("the token is full", detail);
        case CKR_HOST_MEMORY:
        case CKR_SESSION_COUNT: return aip::unavailable("the token has no room for another session", detail);
        case CKR_MECHANISM_INVALID:
        case CKR_FUNCTION_NOT_SUPPORTED: return aip::unsupported("the token does not offer this", detail);
        case CKR_ACTION_PROHIBITED:
        case CKR_KEY_FUNCTION_NOT_PERMITTED:
        case CKR_ATTRIBUTE_READ_ONLY: return aip::denied("the token does not permit this", detail);
        default: return aip::unavailable(isLoss(rv) ? "the token went away" : "the token failed", detail);
    }
}

}  // namespace agentidp::keys_pkcs11
