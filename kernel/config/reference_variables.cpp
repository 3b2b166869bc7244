#include "config/reference_variables.h"

#include <algorithm>
#include <array>

namespace agentidp::config {
namespace {

constexpr std::string_view kPrivatePem = "JWT_PRIVATE_KEY";
constexpr std::string_view kPublicPem = "JWT_PUBLIC_KEY";
constexpr std::string_view kMintAlg = "MACP_AUTH_SIGNING_ALG";
constexpr std::string_view kMintKey = "MACP_AUTH_SIGNING_KEY_JSON";

/// A variable whose value is the setting's value.
struct Direct {
    std::string_view variable;
    Setting setting;
};
constexpr std::array kDirect{
    Direct{"CORS_ORIGIN", Setting::CorsOrigins},
    Direct{"JWKS_CACHE_TTL_SECONDS", Setting::JwksMaxAgeSeconds},
    Direct{"POLICY_DIR", Setting::HooksDir},
};

/// The six of the MACP auth-service. Its users leave one empty where they mean its default.
constexpr std::array kMint{
    Direct{"MACP_AUTH_ISSUER", Setting::MacpIssuer},
    Direct{"MACP_AUTH_AUDIENCE", Setting::MacpAudience},
    Direct{"MACP_AUTH_MAX_TTL_SECONDS", Setting::MacpTtlMaxSeconds},
    Direct{"MACP_AUTH_DEFAULT_TTL_SECONDS", Setting::MacpTtlDefaultSeconds},
};
constexpr std::array kMintKeys{kMintAlg, kMintKey};

/// A variable whose presence selects a plugin, which then reads the variable itself.
struct Selecting {
    std::string_view variable;
    Setting setting;
    std::string_view name;
    std::string_view plugin;
};
constexpr std::array kSelecting{
    Selecting{"DATABASE_URL", Setting::StoragePlugin, "postgresql", "storage-postgresql"},
    Selecting{"REDIS_URL", Setting::RatelimitPlugin, "redis", "ratelimit-redis"},
};

struct Remark {
    std::string_view variable;
    std::string_view text;
};
/// Served, but not as a reader of the old documents expects.
constexpr std::array kOtherwise{
    Remark{"ENCRYPTION_KEY_VAULT_PATH",
           "accepted; the path is not read: the key of encrypted columns is made here and wrapped by the plugin that keys.plugin names"},
};

bool isFilled(const Environment& environment, std::string_view variable) {
    const auto* value = find(environment, variable);
    return value != nullptr && !value->empty();
}

/// The keys of the signing key: one pin, whatever names it.
void readKeys(const Environment& environment, ReferenceReading& reading) {
    const auto wish = [&](std::string_view variable, Setting setting, std::string value, bool implied = false) {
        reading.wishes.push_back({std::string(variable), setting, std::move(value), implied});
    };
    const bool pem = find(environment, kPrivatePem) != nullptr;
    const bool jwk = isFilled(environment, kMintKey);
    if (pem && jwk)
        reading.problems.push_back(std::string(kPrivatePem) + " and " + std::string(kMintKey) +
                                   " both name the key that signs: keep one of them");
    if (pem) {
        wish(kPrivatePem, Setting::KeysPinned, "env:" + std::string(kPrivatePem));
        wish(kPrivatePem, Setting::TokenAlg, "RS256", true);
    }
    if (find(environment, kPublicPem) != nullptr) wish(kPublicPem, Setting::KeysPinnedPublic, "env:" + std::string(kPublicPem));
    if (jwk) wish(kMintKey, Setting::KeysPinned, "env:" + std::string(kMintKey));
    if (const auto* alg = find(environment, kMintAlg); alg != nullptr && !alg->empty()) {
        if (*alg == "RS256" || *alg == "ES256")
            wish(kMintAlg, Setting::TokenAlg, *alg);
        else
            reading.problems.push_back(std::string(kMintAlg) + ": must be RS256 or ES256");
    } else if (isMintConfigured(environment)) {
        wish(std::string(kMintAlg) + " (its default)", Setting::TokenAlg, "RS256", true);
    }
    // Every start of the reference looked for exactly this word.
    if (const auto* force = find(environment, "OIDC_FORCE_KEY_ROTATION"))
        wish("OIDC_FORCE_KEY_ROTATION", Setting::KeysRotateAtStart, *force == "true" ? "true" : "false");
}

/// Many machines have one of the two for Vault's own command line; together they ask for it.
void readVault(const Environment& environment, ReferenceReading& reading) {
    const bool address = isFilled(environment, "VAULT_ADDR");
    const bool token = isFilled(environment, "VAULT_TOKEN");
    if (address != token)
        reading.remarks.push_back(
            {address ? "VAULT_ADDR" : "VAULT_TOKEN",
             "without " + std::string(address ? "VAULT_TOKEN" : "VAULT_ADDR") + " it selects nothing: credentials.store stays as it is"});
    if (!address || !token) return;
    constexpr const char* kPlugin = "secrets-vault";
    reading.wishes.push_back({"VAULT_ADDR", Setting::CredentialsStore, "vault", false});
    reading.pluginWishes.push_back({"VAULT_ADDR", kPlugin, "address", *find(environment, "VAULT_ADDR")});
    reading.pluginWishes.push_back({"VAULT_TOKEN", kPlugin, "token", "env:VAULT_TOKEN"});
    if (isFilled(environment, "VAULT_MOUNT"))
        reading.pluginWishes.push_back({"VAULT_MOUNT", kPlugin, "mount", *find(environment, "VAULT_MOUNT")});
}

}  // namespace

ReferenceReading readReferenceVariables(const Environment& environment) {
    ReferenceReading reading;
    const auto wish = [&](std::string_view variable, Setting setting, std::string value) {
        reading.wishes.push_back({std::string(variable), setting, std::move(value), false});
    };
    if (const auto* port = find(environment, "PORT")) wish("PORT", Setting::ServerListen, "[::]:" + *port);
    if (const auto* mode = find(environment, "NODE_ENV")) {
        // Node knows no list of these; what is neither of the two names a developer's machine.
        const bool known = *mode == "production" || *mode == "test";
        wish("NODE_ENV", Setting::Mode, known ? *mode : "standard");
        if (*mode == "test") wish("NODE_ENV", Setting::LogRequests, "false");
    }
    for (const auto& direct : kDirect)
        if (const auto* value = find(environment, direct.variable)) wish(direct.variable, direct.setting, *value);
    for (const auto& direct : kMint)
        if (isFilled(environment, direct.variable)) wish(direct.variable, direct.setting, *find(environment, direct.variable));
    reading.mintVariable = mintVariable(environment);
    for (const auto& selecting : kSelecting) {
        if (find(environment, selecting.variable) == nullptr) continue;
        wish(selecting.variable, selecting.setting, std::string(selecting.name));
        reading.pluginWishes.push_back(
            {std::string(selecting.variable), std::string(selecting.plugin), "url", "env:" + std::string(selecting.variable)});
    }
    readVault(environment, reading);
    readKeys(environment, reading);
    const auto remark = [&](const Remark& item) {
        if (find(environment, item.variable) != nullptr) reading.remarks.push_back({std::string(item.variable), std::string(item.text)});
    };
    for (const auto& item : kOtherwise) remark(item);
    return reading;
}

std::string mintVariable(const Environment& environment) {
    for (const auto& direct : kMint)
        if (isFilled(environment, direct.variable)) return std::string(direct.variable);
    for (const auto variable : kMintKeys)
        if (isFilled(environment, variable)) return std::string(variable);
    return {};
}

bool isMintConfigured(const Environment& environment) { return !mintVariable(environment).empty(); }

}  // namespace agentidp::config
