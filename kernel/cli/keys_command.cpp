#include <algorithm>

#include "cli/keys/generate.h"
#include "cli/keys/listing.h"
#include "cli/opened.h"
#include "keys/rotation.h"
#include "store/data_keys.h"
#include "store/signing_keys.h"

namespace agentidp::cli {
namespace {

using config::Setting;

int list(const Invocation& invocation) {
    auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    int code = kFailed;
    const auto opened = open(std::move(*loaded), app::Purpose::Read, code);
    if (!opened) return code;
    auto& foundation = *opened->foundation;
    const auto& settings = foundation.settings();
    auto keys = store::readSigningKeys(foundation.storage(), opened->clock);
    if (!keys) return refuse(keys.error());
    const auto data = store::readDataKeys(foundation.storage(), opened->clock);
    if (!data) return refuse(data.error());
    KeyListing listing;
    listing.keys = std::move(*keys);
    listing.grace = base::seconds(settings.integer(Setting::KeysGraceSeconds));
    listing.plugin = settings.text(Setting::KeysPlugin);
    listing.previous = settings.text(Setting::KeysPrevious);
    listing.previousNeeded = keys::isNeeded(listing.keys, listing.previous);
    for (const auto& row : *data) listing.previousNeeded = listing.previousNeeded || row.plugin == listing.previous;
    std::cout << (invocation.json() ? renderJson(listing) : renderText(listing)) << std::endl;
    return kDone;
}

int ask(const Invocation& invocation, std::string_view command, const base::json::Value& args) {
    const auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    const auto answer = askDaemon(*loaded, command, args);
    if (!answer) return refuse(answer.error());
    if (invocation.json() || answer->asObject() == nullptr || answer->asObject()->empty()) {
        std::cout << base::json::write(*answer) << "\n";
        return kDone;
    }
    std::cout << "key " << answer->textOr("kid", "?") << " (" << answer->textOr("alg", "?") << ") is " << answer->textOr("state", "?");
    if (const auto when = answer->textOr("activatesAt", ""); !when.empty()) std::cout << "; it signs from " << when;
    std::cout << "\n";
    return kDone;
}

}  // namespace

int runKeys(const Invocation& invocation) {
    const auto& words = invocation.words;
    const auto has = [&](std::string_view option) { return std::find(words.begin(), words.end(), option) != words.end(); };
    if (words.empty()) return refuse("keys list, rotate, retire or generate", kMisuse);
    if (words[0] == "list" && words.size() == 1) return list(invocation);
    if (words[0] == "rotate") {
        if (words.size() > (has("--now") ? 2U : 1U)) return refuse("keys rotate [--now]", kMisuse);
        return ask(invocation, "keys.rotate", base::json::Object{{"when", has("--now") ? "now" : ""}});
    }
    if (words[0] == "retire") {
        if (words.size() < 2 || words.size() > (has("--compromised") ? 3U : 2U)) return refuse("keys retire KID [--compromised]", kMisuse);
        return ask(invocation, "keys.retire", base::json::Object{{"kid", words[1]}, {"reason", has("--compromised") ? "compromised" : ""}});
    }
    if (words[0] == "generate") {
        std::vector<std::string> rest(words.begin() + 1, words.end());
        if (invocation.json()) rest.emplace_back("--json");
        return runKeysGenerate(rest, std::cout, std::cerr);
    }
    return refuse("keys list, rotate, retire or generate", kMisuse);
}

}  // namespace agentidp::cli
