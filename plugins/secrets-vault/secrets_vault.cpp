#include "secrets_vault.h"

#include <algorithm>
#include <charconv>

#include "remote/base64.h"

namespace agentidp::secrets_vault {
namespace {

constexpr const char* kText = "secret";
constexpr const char* kBytes = "secret_base64";

bool isText(std::string_view secret) {
    return std::all_of(secret.begin(), secret.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

aip::Fail badPath() { return aip::invalid("not a path of a secret"); }

}  // namespace

aip::Status SecretsVault::configure(const aip::Config& config) {
    auto settings = vault::Settings::from("secrets-vault", config);
    if (!settings) return settings.fail();
    settings_ = std::move(*settings);
    return {};
}

aip::Status SecretsVault::start(const aip::Call& call) {
    auto session = vault::Session::open(settings_, host(), call);
    if (!session) return session.fail();
    session_ = std::move(*session);
    kv_ = std::make_unique<vault::Kv>(*session_);
    return {};
}

aip::Status SecretsVault::stop(const aip::Call&) {
    kv_.reset();
    session_.reset();
    return {};
}

aip::Status SecretsVault::health(aip::Fields& details, const aip::Call& call) {
    if (!session_) return aip::unavailable("not started");
    return session_->health(details, call);
}

aip::Outcome<std::string> SecretsVault::put(std::string_view path, std::string_view secret, const aip::Call& call) {
    if (!vault::isPath(path)) return badPath();
    remote::Object data;
    if (isText(secret))
        data.text(kText, secret);
    else
        data.base64(kBytes, secret);
    const auto version = kv_->put(std::string(path), std::move(data), std::nullopt, call);
    if (!version) return version.fail();
    return std::to_string(*version);
}

aip::Outcome<aip::Secret> SecretsVault::get(std::string_view path, std::string_view version, const aip::Call& call) {
    if (!vault::isPath(path)) return badPath();
    std::int64_t number = 0;
    const auto* const end = version.data() + version.size();
    if (!version.empty() && (std::from_chars(version.data(), end, number).ptr != end || number <= 0))
        return aip::notFound("no such version");
    const auto held = kv_->get(std::string(path), number, call);
    if (!held) return held.fail();
    if (const auto text = held->data[kText].text()) return aip::Secret(*text);
    const auto coded = held->data[kBytes].text();
    auto bytes = coded ? remote::unbase64(*coded) : std::nullopt;
    if (!bytes) return aip::invalid("what Vault has there is no secret of ours", std::string(path) + " has no member `secret`");
    return std::move(*bytes);
}

aip::Status SecretsVault::remove(std::string_view path, const aip::Call& call) {
    return vault::isPath(path) ? kv_->remove(std::string(path), call) : aip::Status(badPath());
}

aip::Outcome<std::vector<std::string>> SecretsVault::versions(std::string_view path, const aip::Call& call) {
    if (!vault::isPath(path)) return badPath();
    const auto numbers = kv_->versions(std::string(path), call);
    if (!numbers) return numbers.fail();
    std::vector<std::string> all;
    for (const auto each : *numbers) all.push_back(std::to_string(each));
    return all;
}

}  // namespace agentidp::secrets_vault

AGENTIDP_PLUGIN(SECRETS, agentidp::secrets_vault::SecretsVault, "vault", "1.0.0", "AgentIdP",
                AIP_F_CONCURRENT | AIP_F_THREADS | AIP_F_BLOCKS, "{" AGENTIDP_VAULT_SETTINGS "}")
