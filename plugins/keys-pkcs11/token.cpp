#include "token.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include <algorithm>
#include <memory>
#include <thread>

namespace agentidp::keys_pkcs11 {
namespace {

using std::chrono::steady_clock;

constexpr std::string_view kUriScheme = "pkcs11:";
constexpr auto kLook = std::chrono::milliseconds(20);
constexpr auto kReopenAgain = std::chrono::milliseconds(500);
constexpr CK_ULONG kMostSlots = 1024;
constexpr CK_ULONG kMostMechanisms = 4096;

struct FreeUri {
    void operator()(P11KitUri* uri) const { p11_kit_uri_free(uri); }
};
using Uri = std::unique_ptr<P11KitUri, FreeUri>;

template <std::size_t N>
std::string textOf(const unsigned char (&padded)[N]) {
    return {reinterpret_cast<const char*>(padded), p11_kit_space_strlen(padded, N)};
}

/// Nothing for a label. A PIN in a URI would be a secret in the settings.
aip::Outcome<Uri> uriIn(const std::string& token) {
    if (token.compare(0, kUriScheme.size(), kUriScheme) != 0) return Uri();
    Uri uri(p11_kit_uri_new());
    if (p11_kit_uri_parse(token.c_str(), P11_KIT_URI_FOR_TOKEN, uri.get()) != P11_KIT_URI_OK ||
        p11_kit_uri_any_unrecognized(uri.get()) != 0)
        return aip::invalid("plugins.keys-pkcs11.token_label is no PKCS#11 URI of a token");
    if (p11_kit_uri_get_pin_value(uri.get()) != nullptr || p11_kit_uri_get_pin_source(uri.get()) != nullptr)
        return aip::invalid("plugins.keys-pkcs11.token_label has a PIN in it: plugins.keys-pkcs11.pin is its place");
    return uri;
}

/// After any other failure the module may still be in the middle of an operation: then the session is closed.
bool leavesSessionUsable(CK_RV rv) {
    switch (rv) {
        case CKR_OK:
        case CKR_KEY_HANDLE_INVALID:
        case CKR_OBJECT_HANDLE_INVALID:
        case CKR_MECHANISM_INVALID:
        case CKR_ENCRYPTED_DATA_INVALID:
        case CKR_ATTRIBUTE_READ_ONLY:
        case CKR_ACTION_PROHIBITED: return true;
        default: return false;
    }
}

}  // namespace

aip::Status Token::open(const aip::Call& call) {
    close();
    if (auto uri = uriIn(settings_.token); !uri) return uri.fail();
    if (auto opened = module_.open(settings_.module); !opened) return opened;
    refused_.reset();
    // A session by the way of every later one, so that a PIN that is wrong is told now.
    const auto tried = run(call, [](CK_FUNCTION_LIST&, CK_SESSION_HANDLE) { return CKR_OK; });
    if (!tried) return tried.fail();
    return learnMechanisms();
}

void Token::close() {
    {
        const std::lock_guard lock(mutex_);
        idle_.clear();
        open_ = 0;
    }
    slot_.reset();
    mechanisms_.clear();
    epoch_.fetch_add(1);
    module_.close();  // which closes the sessions
}

aip::Outcome<CK_RV> Token::run(const aip::Call& call, const Work& work) {
    if (!module_.mine()) return aip::unavailable("this process was forked from the one that started keys-pkcs11: it must start its own");
    const auto end = steady_clock::now() + call.left();
    for (int attempt = 0;; ++attempt) {
        auto session = take(call, end);
        if (!session) return session.fail();
        CK_RV rv = CKR_OK;
        {
            const std::shared_lock inside(inside_);
            rv = session->epoch == epoch() ? work(module_.functions(), session->handle) : CKR_SESSION_HANDLE_INVALID;
        }
        giveBack(*session, !isLoss(rv) && leavesSessionUsable(rv));
        // A key that cannot be named may be one that a logout hides, or of a token that was pulled out and is back: the module looks again.
        const bool hidden = rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID;
        if (!isLoss(rv) && (!hidden || attempt > 0 || !lookAnew(end))) return rv;
        lose(session->epoch);
        if (attempt > 0) return rv;
    }
}

bool Token::lookAnew(Instant end) {
    const std::unique_lock connecting(connecting_, end);
    if (!connecting.owns_lock() || steady_clock::now() < reopenedAt_ + kReopenAgain) return false;
    reopenedAt_ = steady_clock::now();
    slot_.reset();
    const std::unique_lock alone(inside_);
    epoch_.fetch_add(1);
    return module_.reopen().ok();
}

aip::Outcome<Token::Session> Token::take(const aip::Call& call, Instant end) {
    {
        std::unique_lock lock(mutex_);
        for (;;) {
            while (!idle_.empty() && idle_.back().epoch != epoch()) {
                idle_.pop_back();
                --open_;
            }
            if (!idle_.empty()) {
                const auto session = idle_.back();
                idle_.pop_back();
                return session;
            }
            if (open_ < settings_.sessions) break;
            if (auto given = call.check(); !given) return given.fail();
            if (steady_clock::now() >= end) return aip::deadline("all sessions of the token are in use");
            freed_.wait_for(lock, kLook);
        }
        ++open_;
    }
    auto session = openSession(call, end);
    if (!session) giveBack({}, false);
    return session;
}

void Token::giveBack(Session session, bool sound) {
    if (!sound && session.handle != CK_INVALID_HANDLE && session.epoch == epoch()) {
        const std::shared_lock inside(inside_);
        (void)module_.functions().C_CloseSession(session.handle);
    }
    {
        const std::lock_guard lock(mutex_);
        if (sound)
            idle_.push_back(session);
        else
            --open_;
    }
    freed_.notify_one();
}

/// Once for each loss, however many threads met it.
void Token::lose(std::uint64_t epoch) {
    if (!epoch_.compare_exchange_strong(epoch, epoch + 1)) return;
    host_.metric("sessions_lost");
    host_.warn("the sessions of the token are lost: new ones are opened");
}

aip::Outcome<Token::Session> Token::openSession(const aip::Call& call, Instant end) {
    std::unique_lock connecting(connecting_, std::defer_lock);
    while (!connecting.try_lock_for(kLook)) {
        if (auto given = call.check(); !given) return given.fail();
        if (steady_clock::now() >= end) return aip::deadline("the login to the token takes too long");
    }
    if (refused_) return *refused_;
    auto session = connect();
    if (session || session.fail().status != AIP_E_UNAVAILABLE || refused_) return session;
    // A module that has not noticed that a token left or came does so when it begins anew. Whoever is inside sees the epoch change.
    slot_.reset();
    if (steady_clock::now() < reopenedAt_ + kReopenAgain) return session;
    reopenedAt_ = steady_clock::now();
    {
        const std::unique_lock alone(inside_);
        epoch_.fetch_add(1);
        if (auto again = module_.reopen(); !again) return again.fail();
    }
    return connect();
}

aip::Outcome<Token::Session> Token::connect() {
    const std::shared_lock inside(inside_);
    if (!slot_) {
        const auto found = findSlot();
        if (!found) return found.fail();
        slot_ = *found;
    }
    Session session;
    auto& functions = module_.functions();
    const CK_RV rv = functions.C_OpenSession(*slot_, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session.handle);
    if (rv != CKR_OK) return failOf(rv, "C_OpenSession");
    if (auto in = login(session.handle); !in) {
        (void)functions.C_CloseSession(session.handle);
        return in.fail();
    }
    session.epoch = epoch();
    return session;
}

aip::Outcome<CK_SLOT_ID> Token::findSlot() const {
    auto& functions = module_.functions();
    CK_ULONG count = kMostSlots;
    std::vector<CK_SLOT_ID> slots(count);
    const CK_RV rv = functions.C_GetSlotList(CK_TRUE, slots.data(), &count);
    if (rv != CKR_OK) return failOf(rv, "C_GetSlotList");
    slots.resize(count);
    const auto uri = uriIn(settings_.token);
    if (!uri) return uri.fail();
    std::vector<CK_SLOT_ID> found;
    for (const auto slot : slots) {
        CK_TOKEN_INFO token{};
        if (functions.C_GetTokenInfo(slot, &token) != CKR_OK) continue;
        const bool ours = *uri ? p11_kit_uri_match_token_info(uri->get(), &token) == 1 : textOf(token.label) == settings_.token;
        if (ours) found.push_back(slot);
    }
    if (found.empty())
        return aip::unavailable("the token is not there", "no token " + settings_.token + " among " + std::to_string(slots.size()) +
                                                              " of the module: see plugins.keys-pkcs11.token_label");
    if (found.size() > 1)
        return aip::denied("several tokens answer to plugins.keys-pkcs11.token_label",
                           settings_.token + " names " + std::to_string(found.size()) + " tokens: give a URI with its serial number");
    return found.front();
}

aip::Status Token::login(CK_SESSION_HANDLE session) {
    auto& functions = module_.functions();
    CK_TOKEN_INFO token{};
    CK_SESSION_INFO info{};
    if (const CK_RV rv = functions.C_GetTokenInfo(*slot_, &token); rv != CKR_OK) return failOf(rv, "C_GetTokenInfo");
    if (const CK_RV rv = functions.C_GetSessionInfo(session, &info); rv != CKR_OK) return failOf(rv, "C_GetSessionInfo");
    {
        const std::lock_guard lock(mutex_);
        about_ = {textOf(token.label), textOf(token.serialNumber), textOf(token.model)};
    }
    if ((token.flags & CKF_LOGIN_REQUIRED) == 0 || info.state == CKS_RW_USER_FUNCTIONS) return {};
    const auto refuse = [this](aip::Fail fail) {
        host_.metric("pin_refused");
        host_.error("keys-pkcs11: " + fail.message + ": " + fail.detail);
        refused_ = fail;
        return fail;
    };
    if ((token.flags & CKF_USER_PIN_LOCKED) != 0) return refuse(failOf(CKR_PIN_LOCKED, "C_GetTokenInfo"));
    // The last try is a person's: a daemon that is restarted with a wrong PIN must not be what locks the token.
    if ((token.flags & CKF_USER_PIN_FINAL_TRY) != 0)
        return refuse(aip::denied("the token has one try of its PIN left, which is left to you",
                                  "log in once by hand (pkcs11-tool --login --test) with the right PIN, then restart"));
    aip::Secret pin;
    if (!settings_.pin.empty()) {
        auto given = host_.secret(settings_.pin);
        if (!given)
            return aip::Fail{given.fail().status, "plugins.keys-pkcs11.pin cannot be read",
                             given.fail().message + " " + given.fail().detail};
        pin = std::move(*given);
        auto size = pin.size();
        while (size > 0 && (pin.view()[size - 1] == '\n' || pin.view()[size - 1] == '\r')) --size;
        pin.resize(size);
    } else if ((token.flags & CKF_PROTECTED_AUTHENTICATION_PATH) == 0) {
        return aip::invalid("plugins.keys-pkcs11.pin is needed: the token wants a login");
    }
    const CK_RV rv = functions.C_Login(session, CKU_USER, pin.empty() ? nullptr : pin.data(), pin.size());
    if (rv == CKR_USER_ALREADY_LOGGED_IN) return {};
    if (rv != CKR_OK && failOf(rv, "C_Login").status == AIP_E_DENIED) return refuse(failOf(rv, "C_Login"));
    if (rv != CKR_OK) return failOf(rv, "C_Login");
    // There was no session, or the token had logged us out: handles of private objects are new from now on.
    epoch_.fetch_add(1);
    host_.metric("logins");
    return {};
}

aip::Status Token::learnMechanisms() {
    const std::shared_lock inside(inside_);
    CK_ULONG count = kMostMechanisms;
    std::vector<CK_MECHANISM_TYPE> all(count);
    const CK_RV rv = module_.functions().C_GetMechanismList(*slot_, all.data(), &count);
    if (rv != CKR_OK) return failOf(rv, "C_GetMechanismList");
    mechanisms_.insert(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
    return {};
}

Token::About Token::about() const {
    const std::lock_guard lock(mutex_);
    return about_;
}

}  // namespace agentidp::keys_pkcs11
