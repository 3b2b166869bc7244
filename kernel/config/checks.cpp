#include "config/checks.h"

#include <arpa/inet.h>

#include <filesystem>

#include "base/text.h"

namespace agentidp::config {
namespace {

/// Collects problems in the words "KEY: why", with where the value came from.
class Findings {
public:
    explicit Findings(const Settings& settings) : settings_(settings) {}
    void add(Setting id, const std::string& why) {
        const auto& origin = settings_.origin(id);
        const std::string from = origin.kind == Origin::Kind::BuiltIn ? "" : " (" + describe(origin) + ")";
        found.push_back(std::string(infoOf(id).key) + from + ": " + why);
    }
    std::vector<std::string> found;

private:
    const Settings& settings_;
};

bool isSet(const Settings& settings, Setting id) { return !settings.text(id).empty(); }

void checkProduction(const Settings& settings, Findings& findings) {
    if (settings.text(Setting::Mode) != "production") return;
    if (!settings.given(Setting::Issuer) || !isSet(settings, Setting::Issuer)) {
        findings.add(Setting::Issuer, "production mode needs it set to the https URL that clients reach");
    } else if (!settings.text(Setting::Issuer).starts_with("https://")) {
        findings.add(Setting::Issuer, "production mode needs an https URL");
    }
    if (!isSet(settings, Setting::ServerTlsCert) && !settings.given(Setting::ServerTrustedProxies))
        findings.add(Setting::ServerTlsCert,
                     "production mode needs TLS here (server.tls.cert and server.tls.key), or the proxy in front of it named in "
                     "server.trusted_proxies");
}

void checkTls(const Settings& settings, Findings& findings) {
    const bool cert = isSet(settings, Setting::ServerTlsCert);
    const bool key = isSet(settings, Setting::ServerTlsKey);
    if (cert && !key) findings.add(Setting::ServerTlsKey, "must be set where server.tls.cert is");
    if (key && !cert) findings.add(Setting::ServerTlsCert, "must be set where server.tls.key is");
    if (settings.text(Setting::ServerTlsClientAuth) != "none") {
        if (!isSet(settings, Setting::ServerTlsClientCa)) findings.add(Setting::ServerTlsClientAuth, "needs server.tls.client_ca");
        if (!cert) findings.add(Setting::ServerTlsClientAuth, "needs server.tls.cert");
    }
}

void checkLifetimes(const Settings& settings, Findings& findings) {
    const auto most = settings.integer(Setting::TokenAccessMaxLifetimeSeconds);
    if (settings.integer(Setting::TokenAccessLifetimeSeconds) > most)
        findings.add(Setting::TokenAccessLifetimeSeconds, "must not be over token.access.max_lifetime_seconds");
    if (settings.integer(Setting::KeysGraceSeconds) < most)
        findings.add(Setting::KeysGraceSeconds,
                     "must not be under token.access.max_lifetime_seconds: tokens would outlive the key they need");
    if (settings.text(Setting::MacpMintEnabled) == "true" &&
        settings.integer(Setting::KeysGraceSeconds) < settings.integer(Setting::MacpTtlMaxSeconds))
        findings.add(Setting::KeysGraceSeconds, "must not be under macp.ttl.max_seconds: minted tokens would outlive the key they need");
}

bool isLoopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

void checkMint(const Settings& settings, Findings& findings) {
    if (settings.text(Setting::MacpMintEnabled) != "true") return;
    for (const auto id : {Setting::MacpIssuer, Setting::MacpAudience})
        if (!isSet(settings, id)) findings.add(id, "must not be empty where the mint is on");
    // Who checks neither `typ` nor the kind of token could take one for the other.
    if (settings.text(Setting::MacpIssuer) == settings.text(Setting::Issuer) &&
        settings.text(Setting::MacpAudience) == settings.text(Setting::TokenAudience))
        findings.add(Setting::MacpIssuer, "is the issuer, and macp.audience is token.audience: one of the two must differ");
    const auto& auth = settings.text(Setting::MacpMintAuth);
    if (auth == "shared_secret" && !isSet(settings, Setting::MacpMintSecret))
        findings.add(Setting::MacpMintAuth, "shared_secret needs macp.mint.secret");
    if (auth == "mtls" && settings.text(Setting::ServerTlsClientAuth) == "none")
        findings.add(Setting::MacpMintAuth, "mtls needs server.tls.client_auth = optional or required");
    if (auth != "none" || settings.flag(Setting::MacpMintAllowUnauthenticated)) return;
    const std::string mend = "; set macp.mint.auth to shared_secret, mtls or bearer, or say macp.mint.allow_unauthenticated = true";
    const auto listen = parseEndpoint(settings.text(Setting::ServerListen));
    if (listen && !isLoopback(listen->host))
        findings.add(Setting::MacpMintAuth,
                     "none would mint for everybody who reaches server.listen = " + settings.text(Setting::ServerListen) + mend);
    else if (settings.text(Setting::Mode) == "production")
        findings.add(Setting::MacpMintAuth, "production mode does not mint for whoever asks" + mend);
}

bool isNetwork(std::string_view text) {
    const auto slash = text.find('/');
    const std::string address(text.substr(0, slash));
    in6_addr raw{};
    const bool v4 = ::inet_pton(AF_INET, address.c_str(), &raw) == 1;
    const bool v6 = !v4 && ::inet_pton(AF_INET6, address.c_str(), &raw) == 1;
    if (!v4 && !v6) return false;
    if (slash == std::string_view::npos) return true;
    const auto bits = base::parseInt(text.substr(slash + 1));
    return bits && *bits >= 0 && *bits <= (v6 ? 128 : 32);
}

void checkLists(const Settings& settings, Findings& findings) {
    for (const auto& proxy : settings.list(Setting::ServerTrustedProxies))
        if (!isNetwork(proxy)) findings.add(Setting::ServerTrustedProxies, "must list addresses or networks such as 10.0.0.0/8, not names");

    const auto origins = settings.list(Setting::CorsOrigins);
    for (const auto& origin : origins) {
        const bool any = origin == "*";
        if (any && origins.size() > 1) findings.add(Setting::CorsOrigins, "* already allows every origin; keep it alone or remove it");
        const auto scheme = origin.find("://");
        const bool shaped = scheme != std::string::npos && origin.find_first_of("/?#*", scheme + 3) == std::string::npos;
        if (!any && !shaped) findings.add(Setting::CorsOrigins, "must list origins such as https://console.example.com, without a path");
    }
    for (const auto& job : settings.list(Setting::Jobs))
        if (problemWith(job, {SettingType::Kind::Name})) findings.add(Setting::Jobs, "must list job plugins by their short names");
    for (const auto& name : settings.list(Setting::ClaimsAllowed)) {
        const auto star = name.find('*');
        if (star == 0 || (star != std::string::npos && star + 1 != name.size()))
            findings.add(Setting::ClaimsAllowed, "a * may only end a name, and must not be all of it");
    }
}

bool isInside(const std::string& inner, const std::string& outer) {
    std::error_code ignored;
    const auto a = std::filesystem::absolute(inner, ignored).lexically_normal();
    const auto b = std::filesystem::absolute(outer, ignored).lexically_normal();
    const auto relative = a.lexically_relative(b);
    return !relative.empty() && *relative.begin() != "..";
}

void checkPlaces(const Settings& settings, Findings& findings) {
    if (!isSet(settings, Setting::DataDir)) findings.add(Setting::DataDir, "must not be empty");
    if (!isSet(settings, Setting::ServerListen)) findings.add(Setting::ServerListen, "must not be empty");
    for (const auto id : {Setting::StoragePlugin, Setting::KeysPlugin, Setting::RatelimitPlugin})
        if (!isSet(settings, id)) findings.add(id, "must name a plugin");
    if (isSet(settings, Setting::KeysPrevious) && settings.text(Setting::KeysPrevious) == settings.text(Setting::KeysPlugin))
        findings.add(Setting::KeysPrevious, "names the same plugin as keys.plugin; remove it");
    if (isSet(settings, Setting::KeysPinnedPublic) && !isSet(settings, Setting::KeysPinned))
        findings.add(Setting::KeysPinnedPublic, "is the public half of no key: set keys.pinned (JWT_PRIVATE_KEY) too, or remove it");
    if (isSet(settings, Setting::AuditAnchorDir) && isInside(settings.text(Setting::AuditAnchorDir), settings.text(Setting::DataDir)))
        findings.add(Setting::AuditAnchorDir, "must be outside data.dir, or it would be put back together with it");
    const auto main = parseEndpoint(settings.text(Setting::ServerListen));
    const auto admin = parseEndpoint(settings.text(Setting::ServerAdminListen));
    if (main && admin && main->port != 0 && main->port == admin->port && main->host == admin->host)
        findings.add(Setting::ServerAdminListen, "is the same address as server.listen");
}

}  // namespace

std::vector<std::string> crossCheck(const Settings& settings) {
    Findings findings(settings);
    checkPlaces(settings, findings);
    checkTls(settings, findings);
    checkLifetimes(settings, findings);
    checkLists(settings, findings);
    checkMint(settings, findings);
    checkProduction(settings, findings);
    return findings.found;
}

}  // namespace agentidp::config
