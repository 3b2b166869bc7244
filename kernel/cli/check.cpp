#include <unistd.h>

#include <filesystem>
#include <optional>

#include "app/hooks.h"
#include "app/initialise.h"
#include "app/key_settings.h"
#include "app/mint_key.h"
#include "cli/opened.h"
#include "keys/rotation.h"
#include "store/signing_keys.h"

namespace agentidp::cli {
namespace {

using config::Setting;
namespace json = base::json;

/// The files the settings name, judged as a start would but not run.
void checkPluginFiles(const config::Settings& settings, std::vector<std::string>& problems) {
    for (auto& problem : app::judgePluginFiles(settings)) problems.push_back(std::move(problem));
}

struct WouldIssue {
    std::string issuer, audience, alg, kid;
    std::int64_t lifetime = 0;
};

struct WouldMint {
    std::string issuer, audience, auth;
    std::int64_t lifetime = 0, maxLifetime = 0;
};

json::Value jsonOf(const std::optional<WouldMint>& mint) {
    if (!mint) return {};
    return json::Object{{"issuer", mint->issuer},
                        {"audience", mint->audience},
                        {"auth", mint->auth},
                        {"lifetimeSeconds", mint->lifetime},
                        {"maxLifetimeSeconds", mint->maxLifetime}};
}

}  // namespace

int runCheck(const Invocation& invocation) {
    auto loaded = config::load(invocation.sources);
    std::vector<std::string> problems;
    std::vector<std::string> notes;
    for (const auto& problem : loaded.problems) problems.push_back(problem.text);
    for (const auto& notice : loaded.notices) notes.push_back(notice.variable + ": " + notice.text);
    if (const auto allowed = app::judgeMintKey(loaded.settings); !allowed) problems.push_back(allowed.error().hint);
    checkPluginFiles(loaded.settings, problems);
    auto hooks = app::judgeHooks(loaded.settings);
    for (auto& problem : hooks.problems) problems.push_back(std::move(problem));
    for (auto& note : hooks.notes) notes.push_back(std::move(note));

    const auto& settings = loaded.settings;
    WouldIssue would{settings.text(Setting::Issuer).empty() ? config::issuerAt(settings, 0) : settings.text(Setting::Issuer),
                     settings.text(Setting::TokenAudience), settings.text(Setting::TokenAlg), "",
                     settings.integer(Setting::TokenAccessLifetimeSeconds)};
    if (would.audience.empty()) would.audience = would.issuer;
    std::optional<WouldMint> mint;
    if (settings.text(Setting::MacpMintEnabled) == "true")
        mint = WouldMint{settings.text(Setting::MacpIssuer), settings.text(Setting::MacpAudience), settings.text(Setting::MacpMintAuth),
                         settings.integer(Setting::MacpTtlDefaultSeconds), settings.integer(Setting::MacpTtlMaxSeconds)};
    auto signing = app::keySettings(settings, loaded.environment);
    if (!signing) problems.push_back(signing.error().hint);
    const auto* pinned = signing && signing->pinned ? &*signing->pinned : nullptr;
    const auto dataDir = app::dataDirOf(settings);
    if (!std::filesystem::exists(dataDir) || std::filesystem::is_empty(dataDir)) {
        notes.push_back("data.dir = " + dataDir + " is empty: a first start initialises it");
        would.kid = "(made at first start)";
        if (pinned != nullptr) would.kid = pinned->kid.empty() ? "(of " + pinned->source + ")" : pinned->kid;
    } else if (::access(dataDir.c_str(), W_OK) != 0) {
        problems.push_back("data.dir = " + dataDir + " cannot be written by this user; change its owner, or set another data.dir");
    } else if (problems.empty()) {
        Opened opened;
        auto foundation = app::Foundation::open(std::move(loaded), app::Purpose::Read, opened.log);
        if (!foundation) {
            problems.push_back(foundation.error().hint);
        } else {
            const auto keys = store::readSigningKeys((*foundation)->storage(), opened.clock);
            if (!keys) problems.push_back(keys.error().hint);
            if (keys && pinned != nullptr)
                if (const auto fit = keys::checkPin(*keys, *pinned); !fit) problems.push_back(fit.error().hint);
            const auto* active = keys ? keys::activeAmong(*keys) : nullptr;
            if (active != nullptr) {
                would.kid = active->kid.str();
                would.alg = active->alg;
            }
        }
    }
    if (invocation.json()) {
        json::Array list;
        for (const auto& problem : problems) list.emplace_back(problem);
        std::cout << json::write(json::Object{{"ok", problems.empty()},
                                              {"problems", std::move(list)},
                                              {"issuer", would.issuer},
                                              {"audience", would.audience},
                                              {"alg", would.alg},
                                              {"kid", would.kid},
                                              {"lifetimeSeconds", would.lifetime},
                                              {"mint", jsonOf(mint)}})
                  << "\n";
        return problems.empty() ? kDone : kMisuse;
    }
    for (const auto& problem : problems) std::cerr << "problem: " << problem << "\n";
    for (const auto& note : notes) std::cout << "note: " << note << "\n";
    std::cout << "would issue: iss " << would.issuer << ", aud " << would.audience << ", alg " << would.alg << ", kid " << would.kid
              << ", lifetime " << would.lifetime << " s\n";
    if (mint)
        std::cout << "would mint: iss " << mint->issuer << ", aud " << mint->audience << ", lifetime " << mint->lifetime << " s, at most "
                  << mint->maxLifetime << " s, for callers by macp.mint.auth = " << mint->auth << "\n";
    std::cout << (problems.empty() ? "ok: it would start\n" : "it would not start\n");
    return problems.empty() ? kDone : kMisuse;
}

}  // namespace agentidp::cli
