#include "cli/keys/listing.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "base/json.h"
#include "base/text.h"
#include "store/signing_keys.h"

namespace agentidp::cli {
namespace {

using model::KeyState;
using model::SigningKey;

int rankOf(const SigningKey& key) {
    switch (key.state) {
        case KeyState::Active: return 0;
        case KeyState::Published: return 1;
        case KeyState::Pending: return 2;
        case KeyState::Retiring: return 3;
        case KeyState::Gone: break;
    }
    return 4;
}

std::vector<const SigningKey*> ordered(const std::vector<SigningKey>& keys) {
    std::vector<const SigningKey*> out;
    out.reserve(keys.size());
    for (const auto& key : keys) out.push_back(&key);
    std::stable_sort(out.begin(), out.end(), [](const SigningKey* left, const SigningKey* right) {
        return std::make_tuple(rankOf(*left), -base::microsOf(left->createdAt)) <
               std::make_tuple(rankOf(*right), -base::microsOf(right->createdAt));
    });
    return out;
}

std::optional<base::Instant> leavesAt(const SigningKey& key, base::seconds grace) {
    if (key.state != KeyState::Retiring || !key.retiringAt) return std::nullopt;
    return *key.retiringAt + grace;
}

/// When the key that frees `previous` signs; nothing where none waits.
std::optional<base::Instant> freedAt(const KeyListing& listing) {
    for (const auto& key : listing.keys)
        if (listing.previousNeeded && key.state == KeyState::Published && key.plugin != listing.previous) return key.activatesAt;
    return std::nullopt;
}

/// To the second: `2026-11-22T06:16:17Z`.
std::string shortTime(const std::optional<base::Instant>& at) { return at ? base::rfc3339(*at).substr(0, 19) + "Z" : std::string("-"); }

std::optional<base::Instant> since(const SigningKey& key) {
    switch (key.state) {
        case KeyState::Pending: return key.createdAt;
        case KeyState::Published: return key.publishedAt;
        case KeyState::Active: return key.activatedAt;
        case KeyState::Retiring: return key.retiringAt;
        case KeyState::Gone: break;
    }
    return key.goneAt;
}

std::string whatNext(const SigningKey& key, base::seconds grace) {
    if (key.compromised) return "compromised: never trusted again";
    if (key.state == KeyState::Active) return "signs now";
    if (key.state == KeyState::Published) return "signs from " + shortTime(key.activatesAt);
    if (const auto leaves = leavesAt(key, grace)) return "leaves the JWKS " + shortTime(leaves);
    return "";
}

using Cells = std::array<std::string, 6>;

void appendRow(std::string& out, const Cells& cells, const std::array<std::size_t, 6>& widths) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        line += cells[i];
        if (i + 1 < cells.size()) line.append(widths[i] - cells[i].size() + 2, ' ');
    }
    out += std::string(line, 0, line.find_last_not_of(' ') + 1) + "\n";
}

}  // namespace

std::string renderText(const KeyListing& listing) {
    std::vector<Cells> rows{{"STATE", "ALG", "KID", "PLUGIN", "SINCE", "NEXT"}};
    for (const auto* key : ordered(listing.keys))
        rows.push_back({std::string(store::nameOf(key->state)), key->alg, key->kid.str(), key->plugin, shortTime(since(*key)),
                        whatNext(*key, listing.grace)});
    std::array<std::size_t, 6> widths{};
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    std::string out;
    for (const auto& row : rows) appendRow(out, row, widths);
    if (listing.keys.empty()) out += "There are no signing keys yet: the first start makes one.\n";
    const auto freed = freedAt(listing);
    if (!listing.previous.empty())
        out += listing.previousNeeded ? "keys.previous = " + listing.previous + " is still needed" +
                                            (freed ? ": until the new key signs, " + shortTime(freed) : "") + ".\n"
                                      : "keys.previous = " + listing.previous + " can be removed: nothing needs it any more.\n";
    return out;
}

std::string renderJson(const KeyListing& listing) {
    std::string out;
    base::json::Writer writer(out);
    const auto time = [&writer](std::string_view name, const std::optional<base::Instant>& at) {
        if (at) writer.key(name).text(base::rfc3339(*at));
    };
    writer.beginObject().key("keys").beginArray();
    for (const auto* key : ordered(listing.keys)) {
        writer.beginObject().key("kid").text(key->kid.str()).key("alg").text(key->alg).key("state").text(store::nameOf(key->state));
        writer.key("plugin").text(key->plugin).key("compromised").boolean(key->compromised);
        time("createdAt", key->createdAt);
        time("publishedAt", key->publishedAt);
        time("activatesAt", key->activatesAt);
        time("activatedAt", key->activatedAt);
        time("retiringAt", key->retiringAt);
        time("leavesAt", leavesAt(*key, listing.grace));
        time("goneAt", key->goneAt);
        writer.key("jwk").raw(key->publicJwk).endObject();
    }
    writer.endArray().key("plugin").text(listing.plugin);
    if (!listing.previous.empty()) writer.key("previous").text(listing.previous).key("previousNeeded").boolean(listing.previousNeeded);
    time("previousNeededUntil", freedAt(listing));
    writer.endObject();
    return out + "\n";
}

}  // namespace agentidp::cli
