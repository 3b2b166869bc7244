#include "macp/gate.h"

#include <algorithm>
#include <array>

#include "base/ids.h"
#include "base/text.h"
#include "crypto/certificate.h"
#include "oauth/auth_failures.h"

namespace agentidp::macp {
namespace {

constexpr std::size_t kLeastSecret = 16;
constexpr std::size_t kMostPresented = 4096;
constexpr std::size_t kMostPrincipal = 256;

struct Named {
    MintAuth auth;
    std::string_view name;
};
constexpr std::array kNames{Named{MintAuth::None, "none"}, Named{MintAuth::SharedSecret, "shared_secret"}, Named{MintAuth::Mtls, "mtls"},
                            Named{MintAuth::Bearer, "bearer"}};

MintRefusal unauthorized(std::string_view reason) {
    auto out = refusal(401, "unauthorized");
    out.reason = reason;
    return out;
}

MintRefusal challenged(std::string_view reason) {
    auto out = unauthorized(reason);
    out.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"agentidp\"");
    return out;
}

}  // namespace

std::string_view nameOf(MintAuth auth) {
    return std::find_if(kNames.begin(), kNames.end(), [&](const Named& one) { return one.auth == auth; })->name;
}

std::optional<MintAuth> mintAuthNamed(std::string_view name) {
    const auto* found = std::find_if(kNames.begin(), kNames.end(), [&](const Named& one) { return one.name == name; });
    if (found == kNames.end()) return std::nullopt;
    return found->auth;
}

base::Result<SharedSecret> SharedSecret::make(const base::Secret& secret) {
    const auto text = secret.text();
    if (text.size() < kLeastSecret) return base::fail(base::Errc::Invalid, "the secret is shorter than 16 bytes");
    if (std::any_of(text.begin(), text.end(), [](char c) { return c <= 0x20 || c > 0x7E; }) || text.size() > kMostPresented)
        return base::fail(base::Errc::Invalid,
                          "the secret holds what an Authorization field cannot carry: use printable ASCII without spaces");
    std::array<std::uint8_t, 32> key{};
    base::fillRandom(key);
    crypto::HmacSha256 mac(key);
    base::wipe(key.data(), key.size());
    const auto kept = mac.mac(secret.view());
    return SharedSecret(std::move(mac), kept);
}

bool SharedSecret::matches(std::string_view presented) const { return mac_.verify(base::bytesOf(presented), kept_); }

MintResult<MintCaller> Gate::admit(const Presented& presented, base::Instant now) const {
    switch (auth_) {
        case MintAuth::None: return MintCaller{auth_, "anonymous", oauth::addressKey(presented.address), std::nullopt};
        case MintAuth::SharedSecret: return bySecret(presented);
        case MintAuth::Mtls: return byCertificate(presented);
        case MintAuth::Bearer: return byToken(presented, now);
    }
    return unauthorized("no_way_in");
}

MintResult<MintCaller> Gate::bySecret(const Presented& presented) const {
    if (!presented.authorization || !oauth::isBearer(*presented.authorization)) return challenged("no_secret");
    const auto secret = base::trim(presented.authorization->substr(std::string_view("Bearer").size()));
    if (secret.size() > kMostPresented || !secret_ || !secret_->matches(secret)) return challenged("wrong_secret");
    // All holders of the secret are one caller to us; their addresses keep them from spending each other's minute.
    return MintCaller{auth_, "shared-secret", oauth::addressKey(presented.address), std::nullopt};
}

MintResult<MintCaller> Gate::byCertificate(const Presented& presented) {
    if (presented.certificateDer.empty()) return unauthorized("no_certificate");
    const auto names = crypto::namesOfCertificate(base::bytesOf(presented.certificateDer));
    // A certificate without a name proves that its holder is trusted, and not who it is.
    if (!names || names->principal().empty()) return unauthorized("nameless_certificate");
    const auto& principal = names->principal();
    if (principal.size() > kMostPrincipal) return unauthorized("long_certificate_name");
    return MintCaller{MintAuth::Mtls, "cert:" + principal, "cert:" + base::hex(crypto::sha256(base::bytesOf(principal))), std::nullopt};
}

MintResult<MintCaller> Gate::byToken(const Presented& presented, base::Instant now) const {
    auto caller = bearer_.authenticate(presented.authorization, now);
    if (!caller) {
        const auto& said = caller.refusal();
        auto out = refusalOf(said.problem);
        if (said.problem.code == model::ProblemCode::Unauthorized) {
            out.error = "unauthorized";
            out.reason = said.reason;
            out.claimedClient = said.claimedClient;
        }
        return out;
    }
    if (!caller->holds(kMintScope)) {
        auto out = refusalOf(model::insufficientScope(kMintScope));
        out.error = "the token does not hold the scope macp:mint";
        return out;
    }
    const auto id = caller->agentId.str();
    return MintCaller{auth_, id, id, *std::move(caller)};
}

}  // namespace agentidp::macp
