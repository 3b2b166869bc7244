#include <unistd.h>

#include <algorithm>
#include <functional>
#include <thread>

#include "app/job_host.h"
#include "app/key_settings.h"
#include "audit/appender.h"
#include "base/text.h"
#include "cli/keys/generate.h"
#include "cli/keys/listing.h"
#include "cli/keys/outcome.h"
#include "cli/opened.h"
#include "store/data_keys.h"
#include "store/signing_keys.h"

namespace agentidp::cli {
namespace {

using config::Setting;

/// How often a wait looks, and how often it says that it still waits.
constexpr std::chrono::seconds kLook{1};
constexpr std::chrono::seconds kSay{10};
/// A key whose time has come and that still does not sign by then is trouble.
constexpr base::seconds kPatience{60};

base::Result<KeyListing> listingOf(app::Foundation& foundation) {
    const auto& settings = foundation.settings();
    auto keys = store::readSigningKeys(foundation.storage(), foundation.clock());
    if (!keys) return std::move(keys).error();
    const auto data = store::readDataKeys(foundation.storage(), foundation.clock());
    if (!data) return data.error();
    KeyListing listing;
    listing.keys = std::move(*keys);
    listing.grace = base::seconds(settings.integer(Setting::KeysGraceSeconds));
    listing.plugin = settings.text(Setting::KeysPlugin);
    listing.previous = settings.text(Setting::KeysPrevious);
    listing.previousNeeded = keys::isNeeded(listing.keys, listing.previous);
    for (const auto& row : *data) listing.previousNeeded = listing.previousNeeded || row.plugin == listing.previous;
    return listing;
}

int list(const Invocation& invocation) {
    auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    int code = kFailed;
    const auto opened = open(std::move(*loaded), app::Purpose::Read, code);
    if (!opened) return code;
    const auto listing = listingOf(*opened->foundation);
    if (!listing) return refuse(listing.error());
    std::cout << (invocation.json() ? renderJson(*listing) : renderText(*listing)) << std::endl;
    return kDone;
}

/// The key ring over the data directory itself, where no daemon runs.
struct Direct {
    std::unique_ptr<Opened> opened;
    std::unique_ptr<audit::LedgerAppender> ledger;
    std::unique_ptr<keys::KeyRing> ring;
};

base::Result<Direct> openDirectly(config::Loaded loaded) {
    auto settings = app::keySettings(loaded.settings, loaded.environment);
    if (!settings) return std::move(settings).error();
    Direct out{std::make_unique<Opened>(), nullptr, nullptr};
    auto foundation = app::Foundation::open(std::move(loaded), app::Purpose::Write, out.opened->log);
    if (!foundation) return std::move(foundation).error();
    out.opened->foundation = std::move(*foundation);
    auto& base = *out.opened->foundation;
    auto replica = app::replicaName(base.dataDir());
    if (!replica) return std::move(replica).error();
    audit::LedgerOptions options;
    options.replica = *replica;
    options.origin = "agentidp/" + *replica;
    out.ledger = std::make_unique<audit::LedgerAppender>(base.storage(), out.opened->clock, out.opened->log, std::move(options));
    if (auto started = out.ledger->start(); !started) return std::move(started).error();
    out.ring = std::make_unique<keys::KeyRing>(
        keys::KeyRing::Backends{base.storage(), *out.ledger, base.keys(), base.previousKeys(), out.opened->clock, out.opened->log},
        std::move(*settings));
    if (auto ready = out.ring->ensureFirstKey(); !ready) return std::move(ready).error();
    return out;
}

bool daemonRuns(const config::Loaded& loaded) {
    const auto status = askDaemon(loaded, "status");
    return status || status.error().code != base::Errc::NotFound;
}

/// Asks the running daemon, or where there is none does `directly` under the data directory's lock.
base::Result<base::json::Value> change(const Invocation& invocation, std::string_view command, const base::json::Value& args,
                                       const std::function<base::Result<base::json::Value>(keys::KeyRing&)>& directly) {
    auto loaded = config::load(invocation.sources);
    if (daemonRuns(loaded)) return askDaemon(loaded, command, args);
    auto direct = openDirectly(std::move(loaded));
    if (!direct) return std::move(direct).error();
    auto done = directly(*direct->ring);
    auto stopped = direct->ledger->stop(base::milliseconds(10'000));
    if (done && !stopped) return std::move(stopped).error();
    return done;
}

std::string actor() { return "cli:" + std::to_string(::getuid()); }

int rotate(const Invocation& invocation, keys::Wish wish) {
    const auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    const auto args = base::json::Object{{"when", wish == keys::Wish::RotateNow ? "now" : ""}};
    const auto answer = change(invocation, "keys.rotate", args, [wish](keys::KeyRing& ring) -> base::Result<base::json::Value> {
        auto key = ring.rotate(wish, actor());
        if (!key) return std::move(key).error();
        return app::keyJson(*key);
    });
    if (!answer) return refuse(answer.error());
    const base::seconds maxAge(loaded->settings.integer(Setting::JwksMaxAgeSeconds));
    std::cout << (invocation.json() ? base::json::write(*answer) + "\n" : tellRotation(*answer, maxAge));
    return kDone;
}

int retire(const Invocation& invocation, const std::string& kid, keys::Compromise compromise) {
    const auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    const bool bad = compromise == keys::Compromise::Yes;
    const auto args = base::json::Object{{"kid", kid}, {"reason", bad ? "compromised" : ""}};
    const auto answer = change(invocation, "keys.retire", args, [&](keys::KeyRing& ring) -> base::Result<base::json::Value> {
        if (auto done = ring.retire(model::KeyId(kid), compromise, actor()); !done) return std::move(done).error();
        return base::json::Value(base::json::Object{});
    });
    if (!answer) return refuse(answer.error());
    const base::seconds maxAge(loaded->settings.integer(Setting::JwksMaxAgeSeconds));
    const base::json::Object told{{"kid", kid}, {"state", "gone"}, {"compromised", bad}};
    std::cout << (invocation.json() ? base::json::write(told) + "\n" : tellRetirement(kid, compromise, maxAge));
    return kDone;
}

/// Until nothing needs keys.previous any more. `ring` takes the steps that are due; null: the running daemon does.
base::Result<KeyListing> waitForPrevious(app::Foundation& foundation, keys::KeyRing* ring) {
    const auto& plugin = foundation.settings().text(Setting::KeysPlugin);
    auto lastSaid = std::chrono::steady_clock::now() - kSay;
    for (;; std::this_thread::sleep_for(kLook)) {
        if (ring != nullptr)
            if (auto ticked = ring->tick(); !ticked) return std::move(ticked).error();
        auto listing = listingOf(foundation);
        if (!listing || !listing->previousNeeded) return listing;
        const auto next = std::find_if(listing->keys.begin(), listing->keys.end(), [&](const model::SigningKey& key) {
            return key.plugin == plugin && key.state == model::KeyState::Published && key.activatesAt;
        });
        if (next == listing->keys.end())
            return base::fail(base::Errc::Conflict, "the running daemon makes no key with keys.plugin = " + plugin +
                                                        ": restart it with these settings, or stop it and ask again");
        if (*next->activatesAt + kPatience < foundation.clock().now())
            return base::fail(base::Errc::Unavailable, "key " + next->kid.str() + " should sign by now and does not: see the daemon's log");
        if (std::chrono::steady_clock::now() - lastSaid < kSay) continue;
        lastSaid = std::chrono::steady_clock::now();
        std::cerr << "data keys are moved; key " << next->kid.str() << " signs from " << base::rfc3339(*next->activatesAt) << ", waiting"
                  << std::endl;
    }
}

int migrate(const Invocation& invocation) {
    auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    if (loaded->settings.text(Setting::KeysPrevious).empty())
        return refuse("keys migrate moves what keys.previous holds to keys.plugin: set both", kMisuse);
    base::Result<KeyListing> listing = KeyListing();
    if (daemonRuns(*loaded)) {
        int code = kFailed;
        const auto opened = open(std::move(*loaded), app::Purpose::Read, code);
        if (!opened) return code;
        listing = waitForPrevious(*opened->foundation, nullptr);
    } else {
        auto direct = openDirectly(std::move(*loaded));
        if (!direct) return refuse(direct.error());
        listing = waitForPrevious(*direct->opened->foundation, direct->ring.get());
        if (auto stopped = direct->ledger->stop(base::milliseconds(10'000)); listing && !stopped) return refuse(stopped.error());
    }
    if (!listing) return refuse(listing.error());
    std::cout << (invocation.json() ? renderJson(*listing) : renderText(*listing));
    return kDone;
}

}  // namespace

int runKeys(const Invocation& invocation) {
    const auto& words = invocation.words;
    const auto has = [&](std::string_view option) { return std::find(words.begin(), words.end(), option) != words.end(); };
    if (words.empty()) return refuse("keys list, rotate, retire, migrate or generate", kMisuse);
    if (words[0] == "list" && words.size() == 1) return list(invocation);
    if (words[0] == "migrate" && words.size() == 1) return migrate(invocation);
    if (words[0] == "rotate") {
        if (words.size() > (has("--now") ? 2U : 1U)) return refuse("keys rotate [--now]", kMisuse);
        return rotate(invocation, has("--now") ? keys::Wish::RotateNow : keys::Wish::Rotate);
    }
    if (words[0] == "retire") {
        if (words.size() < 2 || words.size() > (has("--compromised") ? 3U : 2U)) return refuse("keys retire KID [--compromised]", kMisuse);
        const auto kid = std::find_if(words.begin() + 1, words.end(), [](const std::string& word) { return word != "--compromised"; });
        if (kid == words.end()) return refuse("keys retire KID [--compromised]", kMisuse);
        return retire(invocation, *kid, has("--compromised") ? keys::Compromise::Yes : keys::Compromise::No);
    }
    if (words[0] == "generate") {
        std::vector<std::string> rest(words.begin() + 1, words.end());
        if (invocation.json()) rest.emplace_back("--json");
        return runKeysGenerate(rest, std::cout, std::cerr);
    }
    return refuse("keys list, rotate, retire, migrate or generate", kMisuse);
}

}  // namespace agentidp::cli
