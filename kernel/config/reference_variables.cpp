#include "config/reference_variables.h"

#include <array>

namespace agentidp::config {
namespace {

/// A variable whose value is the setting's value.
struct Direct {
    std::string_view variable;
    Setting setting;
};
constexpr std::array kDirect{
    Direct{"CORS_ORIGIN", Setting::CorsOrigins},
    Direct{"JWKS_CACHE_TTL_SECONDS", Setting::JwksMaxAgeSeconds},
};

/// The six of the MACP auth-service. Its users leave one empty where they mean its default.
constexpr std::array kMint{
    Direct{"MACP_AUTH_ISSUER", Setting::MacpIssuer},
    Direct{"MACP_AUTH_AUDIENCE", Setting::MacpAudience},
    Direct{"MACP_AUTH_MAX_TTL_SECONDS", Setting::MacpTtlMaxSeconds},
    Direct{"MACP_AUTH_DEFAULT_TTL_SECONDS", Setting::MacpTtlDefaultSeconds},
};
constexpr std::array<std::string_view, 2> kMintKey{"MACP_AUTH_SIGNING_ALG", "MACP_AUTH_SIGNING_KEY_JSON"};

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

constexpr std::array<std::string_view, 10> kNotOffered{
    "JWT_PRIVATE_KEY",
    "JWT_PUBLIC_KEY",
    "VAULT_ADDR",
    "VAULT_TOKEN",
    "VAULT_MOUNT",
    "POLICY_DIR",
    "ENCRYPTION_KEY_VAULT_PATH",
    "OIDC_FORCE_KEY_ROTATION",
    "MACP_AUTH_SIGNING_ALG",
    "MACP_AUTH_SIGNING_KEY_JSON",
};

}  // namespace

ReferenceReading readReferenceVariables(const Environment& environment) {
    ReferenceReading reading;
    const auto wish = [&](std::string_view variable, Setting setting, std::string value) {
        reading.wishes.push_back({std::string(variable), setting, std::move(value)});
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
    const auto mints = [&](std::string_view variable) {
        const auto* value = find(environment, variable);
        const bool set = value != nullptr && !value->empty();
        if (set && reading.mintVariable.empty()) reading.mintVariable = variable;
        return set;
    };
    for (const auto& direct : kMint)
        if (mints(direct.variable)) wish(direct.variable, direct.setting, *find(environment, direct.variable));
    for (const auto variable : kMintKey) mints(variable);
    for (const auto& selecting : kSelecting) {
        if (find(environment, selecting.variable) == nullptr) continue;
        wish(selecting.variable, selecting.setting, std::string(selecting.name));
        reading.pluginWishes.push_back(
            {std::string(selecting.variable), std::string(selecting.plugin), "url", "env:" + std::string(selecting.variable)});
    }
    for (const auto variable : kNotOffered)
        if (find(environment, variable) != nullptr) reading.notOffered.emplace_back(variable);
    return reading;
}

}  // namespace agentidp::config
