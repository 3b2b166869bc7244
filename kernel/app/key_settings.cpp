#include "app/key_settings.h"

#include "config/reference_variables.h"
#include "config/secret_ref.h"

namespace agentidp::app {
namespace {

using base::Errc;
using config::Setting;

/// An answer that was on its way while a key was published, or that came from a replica which had not heard of it yet, is this much
/// younger than it is.
constexpr base::seconds kOnItsWay{1};

/// A variable by its own name, any other reference with its setting.
std::string nameOf(Setting setting, const std::string& reference) {
    if (reference.starts_with("env:")) return reference.substr(4);
    return std::string(config::infoOf(setting).key) + " = " + reference;
}

base::Result<base::Secret> secretOf(Setting setting, const std::string& reference, const config::SecretResolver& secrets) {
    auto secret = secrets.resolve(reference);
    if (secret) return secret;
    auto error = std::move(secret).error();
    if (error.code != Errc::Unavailable) error.code = Errc::Invalid;
    error.hint = std::string(config::infoOf(setting).key) + " = " + error.hint;
    return error;
}

base::Result<keys::PinnedKey> pinnedKey(const config::Settings& settings, crypto::Algorithm alg, const config::Environment& environment) {
    const config::SecretResolver secrets(environment);
    const auto& reference = settings.text(Setting::KeysPinned);
    const auto text = secretOf(Setting::KeysPinned, reference, secrets);
    if (!text) return text.error();
    keys::PinText given;
    given.text = text->text();
    given.source = nameOf(Setting::KeysPinned, reference);
    given.alg = alg;
    const auto& origin = settings.origin(Setting::TokenAlg);
    given.algSource = origin.kind == config::Origin::Kind::Reference && origin.where != given.source ? origin.where : "token.alg";
    base::Secret half;
    if (const auto& other = settings.text(Setting::KeysPinnedPublic); !other.empty()) {
        auto read = secretOf(Setting::KeysPinnedPublic, other, secrets);
        if (!read) return std::move(read).error();
        half = std::move(*read);
        given.publicText = half.text();
        given.publicSource = nameOf(Setting::KeysPinnedPublic, other);
    }
    return keys::readPinned(given);
}

}  // namespace

base::Result<keys::KeyRing::Settings> keySettings(const config::Settings& settings, const config::Environment& environment) {
    keys::KeyRing::Settings out;
    out.policy.alg = crypto::algorithmNamed(settings.text(Setting::TokenAlg)).value_or(crypto::Algorithm::Es256);
    out.policy.plugin = settings.text(Setting::KeysPlugin);
    out.policy.jwksMaxAge = base::seconds(settings.integer(Setting::JwksMaxAgeSeconds)) + kOnItsWay;
    out.policy.grace = base::seconds(settings.integer(Setting::KeysGraceSeconds));
    out.policy.rotateAfter = std::chrono::days(settings.integer(Setting::KeysRotateAfterDays));
    out.verifySample = static_cast<std::uint32_t>(settings.integer(Setting::KeysVerifySample));
    if (config::isMintConfigured(environment)) {
        out.generatedKids = "dev-key-";
        out.pinnedKids = "key-";
    }
    if (settings.text(Setting::KeysPinned).empty()) return out;
    auto pinned = pinnedKey(settings, out.policy.alg, environment);
    if (!pinned) return std::move(pinned).error();
    out.pinned = std::move(*pinned);
    const bool now = settings.text(Setting::KeysPinnedActivate) == "now";
    out.pinActivation = now ? keys::Pin::Activation::Now : keys::Pin::Activation::Wait;
    return out;
}

}  // namespace agentidp::app
