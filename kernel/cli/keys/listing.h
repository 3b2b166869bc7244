#pragma once
/// @file kernel/cli/keys/listing.h
/// What `agentidp keys list` shows, as a value that comes from storage or from a running daemon, and its two forms. Pure.
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/signing_key.h"

namespace agentidp::cli {

struct KeyListing {
    std::vector<model::SigningKey> keys;  ///< in any order; nothing but public halves is shown
    base::seconds grace{86400};           ///< `keys.grace_seconds`
    std::string plugin;                   ///< `keys.plugin`
    std::string previous;                 ///< `keys.previous`; empty: none
    bool previousNeeded = false;          ///< a key of `previous` signs or will sign, or a data key is still wrapped by it
};

/// A table for people: the signing key first, times in UTC, what happens next and when, and whether keys.previous can go.
[[nodiscard]] std::string renderText(const KeyListing& listing);
/// {"keys":[{kid, alg, state, plugin, compromised, createdAt, publishedAt?, activatesAt?, activatedAt?, retiringAt?, leavesAt?,
/// goneAt?, jwk}], "plugin", "previous"?, "previousNeeded"?, "previousNeededUntil"?}, one line, times RFC 3339.
[[nodiscard]] std::string renderJson(const KeyListing& listing);

}  // namespace agentidp::cli
