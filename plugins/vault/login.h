#pragma once
/// @file plugins/vault/login.h
/// Who we are to Vault or OpenBao: the settings of a connection, and how one of three ways of logging in becomes a token.
#include <agentidp/plugin.hpp>

#include <string>

#include "remote/json.h"
#include "remote/service.h"

/// The members of a plugin's settings schema that every Vault plugin has.
// clang-format off
#define AGENTIDP_VAULT_SETTINGS \
    R"json("address": {"type": "string", "required": true, "doc": "URL of Vault or OpenBao: https://host:8200."},)json" \
    R"json("ca_file": {"type": "string", "default": "", "doc": "PEM file of the only authorities that are trusted. Empty: those of the system."},)json" \
    R"json("namespace": {"type": "string", "default": "", "doc": "Sent as X-Vault-Namespace."},)json" \
    R"json("auth": {"type": "string", "default": "token", "enum": ["token", "approle", "kubernetes"], "doc": "How to log in."},)json" \
    R"json("auth_mount": {"type": "string", "default": "", "doc": "Where the auth method is mounted. Empty: approle or kubernetes."},)json" \
    R"json("token": {"type": "secret_ref", "doc": "auth = token: the token. Read again when Vault refuses the one in use."},)json" \
    R"json("role_id": {"type": "secret_ref", "doc": "auth = approle: the RoleID."},)json" \
    R"json("secret_id": {"type": "secret_ref", "doc": "auth = approle: the SecretID, if the role wants one."},)json" \
    R"json("role": {"type": "string", "default": "", "doc": "auth = kubernetes: the role."},)json" \
    R"json("jwt_file": {"type": "string", "default": "/var/run/secrets/kubernetes.io/serviceaccount/token", "doc": "auth = kubernetes: the token of the service account, read at each login."},)json" \
    R"json("mount": {"type": "string", "default": "secret", "doc": "Where KV version 2 is mounted."})json"
// clang-format on

namespace agentidp::vault {

enum class Method { Token, AppRole, Kubernetes };

/// As configured; references are not resolved yet.
struct Settings {
    std::string plugin;  ///< "keys-vault", for messages
    remote::Settings service;
    std::string space;  ///< X-Vault-Namespace
    Method method = Method::Token;
    std::string authMount;
    std::string token, roleId, secretId;  ///< references
    std::string role, jwtFile;
    std::string mount;

    /// AIP_E_INVALID names the setting that is missing for the method, or is no path.
    static aip::Outcome<Settings> from(const std::string& plugin, const aip::Config& config);
    [[nodiscard]] std::string setting(std::string_view name) const { return "plugins." + plugin + "." + std::string(name); }
};

/// A path of Vault's: segments of [A-Za-z0-9_.-] parted by single slashes.
[[nodiscard]] bool isPath(std::string_view text);

struct Token {
    aip::Secret value;
    std::int64_t leaseSeconds = 0;  ///< 0: it never ends
    bool renewable = false;
};

/// The request that logs in, made of settings and what their references name now; for Method::Token the one that asks about the token.
struct Login {
    remote::Request request;
    aip::Secret token;  ///< Method::Token only
};
[[nodiscard]] aip::Outcome<Login> prepareLogin(const Settings& settings, const aip::Host& host);
/// The token in what Vault answered to it.
[[nodiscard]] aip::Outcome<Token> tokenIn(const remote::Json& answer, Login login);

}  // namespace agentidp::vault
