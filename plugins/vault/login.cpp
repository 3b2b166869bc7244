#include "login.h"

#include <algorithm>

namespace agentidp::vault {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n";
    const auto first = text.find_first_not_of(kSpace);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// What a reference names, without the line end that files have.
aip::Outcome<aip::Secret> resolved(const Settings& settings, const aip::Host& host, std::string_view name, const std::string& reference) {
    const auto secret = host.secret(reference);
    if (!secret)
        return aip::Fail{secret.fail().status, settings.setting(name) + " cannot be read",
                         secret.fail().message + " " + secret.fail().detail};
    if (trimmed(secret->view()).empty()) return aip::invalid(settings.setting(name) + " is empty", reference);
    return aip::Secret(trimmed(secret->view()));
}

remote::Request post(const std::string& path, remote::Object& body) {
    remote::Request request;
    request.method = "POST";
    request.path = path;
    request.body = body.done();
    return request;
}

}  // namespace

bool isPath(std::string_view text) {
    if (text.empty() || text.size() > 256 || text.front() == '/' || text.back() == '/') return false;
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto end = std::min(text.find('/', begin), text.size());
        const auto segment = text.substr(begin, end - begin);
        if (segment.empty() || segment == "." || segment == "..") return false;
        for (const char c : segment)
            if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.') return false;
        begin = end + 1;
    }
    return true;
}

aip::Outcome<Settings> Settings::from(const std::string& plugin, const aip::Config& config) {
    Settings made;
    made.plugin = plugin;
    made.service.url = config.text("address");
    made.service.caFile = config.text("ca_file");
    made.space = config.text("namespace");
    const auto method = config.text("auth", "token");
    made.method = method == "approle" ? Method::AppRole : method == "kubernetes" ? Method::Kubernetes : Method::Token;
    made.authMount = config.text("auth_mount");
    if (made.authMount.empty()) made.authMount = method;
    made.token = config.text("token");
    made.roleId = config.text("role_id");
    made.secretId = config.text("secret_id");
    made.role = config.text("role");
    made.jwtFile = config.text("jwt_file");
    made.mount = config.text("mount", "secret");
    const auto needs = [&made, &method](const char* name) {
        return aip::invalid(made.setting(name) + " is needed for " + made.setting("auth") + " = " + method);
    };
    if (made.method == Method::Token && made.token.empty()) return needs("token");
    if (made.method == Method::AppRole && made.roleId.empty()) return needs("role_id");
    if (made.method == Method::Kubernetes && made.role.empty()) return needs("role");
    if (made.method == Method::Kubernetes && made.jwtFile.empty()) return needs("jwt_file");
    if (!isPath(made.mount)) return aip::invalid(made.setting("mount") + " is no path of Vault's");
    if (!isPath(made.authMount)) return aip::invalid(made.setting("auth_mount") + " is no path of Vault's");
    if (!made.space.empty() && !isPath(made.space)) return aip::invalid(made.setting("namespace") + " is no path of Vault's");
    return made;
}

aip::Outcome<Login> prepareLogin(const Settings& settings, const aip::Host& host) {
    Login login;
    if (settings.method == Method::Token) {
        auto token = resolved(settings, host, "token", settings.token);
        if (!token) return token.fail();
        login.token = std::move(*token);
        login.request.path = "/v1/auth/token/lookup-self";
        return login;
    }
    const auto path = "/v1/auth/" + settings.authMount + "/login";
    remote::Object body;
    if (settings.method == Method::Kubernetes) {
        const auto jwt = resolved(settings, host, "jwt_file", "file:" + settings.jwtFile);
        if (!jwt) return jwt.fail();
        login.request = post(path, body.text("role", settings.role).text("jwt", jwt->view()));
        return login;
    }
    const auto roleId = resolved(settings, host, "role_id", settings.roleId);
    if (!roleId) return roleId.fail();
    body.text("role_id", roleId->view());
    if (!settings.secretId.empty()) {
        const auto secretId = resolved(settings, host, "secret_id", settings.secretId);
        if (!secretId) return secretId.fail();
        body.text("secret_id", secretId->view());
    }
    login.request = post(path, body);
    return login;
}

aip::Outcome<Token> tokenIn(const remote::Json& answer, Login login) {
    Token token;
    if (!login.token.empty()) {
        token.value = std::move(login.token);
        token.leaseSeconds = answer["data"]["ttl"].integer().value_or(0);
        token.renewable = answer["data"]["renewable"].boolean().value_or(false);
        return token;
    }
    const auto auth = answer["auth"];
    const auto value = auth["client_token"].text();
    if (!value) return aip::unavailable("Vault answered a login without a token");
    token.value = aip::Secret(*value);
    token.leaseSeconds = auth["lease_duration"].integer().value_or(0);
    token.renewable = auth["renewable"].boolean().value_or(false);
    return token;
}

}  // namespace agentidp::vault
