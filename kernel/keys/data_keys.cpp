#include "keys/data_keys.h"

#include <algorithm>
#include <array>

#include "base/ids.h"
#include "store/data_keys.h"

namespace agentidp::keys {
namespace {

using base::Errc;
using base::fail;
using store::DataKeyRow;

constexpr std::string_view kPepper = "pepper";
constexpr std::string_view kCursor = "cursor";
constexpr std::string_view kCheckpoint = "checkpoint";
constexpr std::string_view kColumn = "column";
constexpr std::array<std::string_view, 4> kPurposes{kPepper, kCursor, kCheckpoint, kColumn};
constexpr std::size_t kKeyBytes = 32;
constexpr base::milliseconds kPluginWithin{10000};
constexpr base::milliseconds kStoreWithin{10000};

std::string placeOf(const DataKeyRow& row) { return row.purpose + ":" + row.id; }

base::Error refusedStart(const DataKeyRow& row, const std::string& why, const std::string& mend, std::string detail = {}) {
    return fail(Errc::Unavailable, "data key " + placeOf(row) + " cannot be unwrapped: " + why + ". " + mend, std::move(detail));
}

base::Result<DataKeyRow> newRow(std::string_view purpose, plugin::Keys& keys, const base::Clock& clock) {
    DataKeyRow row;
    row.id = base::uuidV4();
    row.purpose = std::string(purpose);
    row.plugin = keys.name();
    row.status = "active";
    row.createdAt = clock.now();
    base::Bytes bytes(kKeyBytes);
    base::fillRandom(bytes);
    auto wrapped = keys.wrap(base::Secret(std::move(bytes)), placeOf(row), plugin::callWithin(clock, kPluginWithin));
    if (!wrapped) return std::move(wrapped).error();
    row.wrapped = std::move(*wrapped);
    return row;
}

std::vector<std::string_view> missingAmong(const std::vector<DataKeyRow>& rows) {
    std::vector<std::string_view> missing;
    for (const auto purpose : kPurposes)
        if (std::none_of(rows.begin(), rows.end(), [&](const DataKeyRow& row) { return row.purpose == purpose; }))
            missing.push_back(purpose);
    return missing;
}

/// Adds `fresh` under the lock, but for purposes that another replica filled meanwhile; answers the rows as they then are.
base::Result<std::vector<DataKeyRow>> insertMissing(plugin::Storage& storage, const base::Clock& clock,
                                                    const std::vector<DataKeyRow>& fresh) {
    const auto call = plugin::callWithin(clock, kStoreWithin);
    plugin::Transaction tx;
    auto seen =
        storage.apply(tx, {plugin::mark(plugin::Op::Code::Lock, "data_keys"), store::selectDataKeys()}, plugin::ApplyMode::Continue, call);
    if (!seen) return std::move(seen).error();
    auto rows = store::decodeDataKeys(seen->back().rows);
    std::vector<plugin::Op> inserts;
    if (rows) {
        const auto missing = missingAmong(*rows);
        for (const auto& row : fresh) {
            if (std::find(missing.begin(), missing.end(), row.purpose) == missing.end()) continue;
            inserts.push_back(store::insertDataKey(row));
            rows->push_back(row);
        }
    }
    const auto mode = inserts.empty() ? plugin::ApplyMode::Rollback : plugin::ApplyMode::Commit;
    auto ended = storage.apply(tx, inserts, mode, call);
    if (!ended) return std::move(ended).error();
    return rows;
}

base::Result<std::vector<DataKeyRow>> completeRows(const DataKeys::Sources& sources) {
    auto rows = store::readDataKeys(sources.storage, sources.clock);
    if (!rows) return rows;
    const auto missing = missingAmong(*rows);
    if (missing.empty()) return rows;
    if (sources.access == DataKeys::Access::Look)
        return fail(Errc::NotFound, "there are no data keys yet; start agentidpd or run agentidp init first");
    if (!sources.keys.abilities().wraps)
        return fail(Errc::Unsupported, "keys plugin " + sources.keys.name() + " does not wrap data keys: set keys.plugin to one that does");
    // Wrapping may wait for a network, so it happens before the lock is taken.
    std::vector<DataKeyRow> fresh;
    for (const auto purpose : missing) {
        auto row = newRow(purpose, sources.keys, sources.clock);
        if (!row) return std::move(row).error();
        fresh.push_back(std::move(*row));
    }
    return insertMissing(sources.storage, sources.clock, fresh);
}

base::Result<base::Secret> unwrap(const DataKeys::Sources& sources, const DataKeyRow& row) {
    plugin::Keys* holder = row.plugin == sources.keys.name() ? &sources.keys : nullptr;
    if (holder == nullptr && sources.previous != nullptr && row.plugin == sources.previous->name()) holder = sources.previous;
    if (holder == nullptr)
        return refusedStart(
            row, "keys plugin " + row.plugin + " wrapped it",
            "Set keys.plugin = " + row.plugin + ", or keys.previous = " + row.plugin + " to move it to " + sources.keys.name());
    auto secret = holder->unwrap(row.wrapped, placeOf(row), plugin::callWithin(sources.clock, kPluginWithin));
    const bool whole = secret && secret->view().size() == kKeyBytes;
    if (whole) return secret;
    return refusedStart(row, "keys plugin " + row.plugin + (secret ? " answered another length" : " refuses it"),
                        "Give that plugin (keys.plugin or keys.previous) the wrapping key it had when this store was made",
                        secret ? std::string() : secret.error().hint + " " + secret.error().detail);
}

/// True if this call moved it, false if another replica did.
base::Result<bool> move(const DataKeys::Sources& sources, DataKeyRow row, const base::Secret& secret) {
    const std::string from = std::exchange(row.plugin, sources.keys.name());
    auto wrapped = sources.keys.wrap(secret, placeOf(row), plugin::callWithin(sources.clock, kPluginWithin));
    if (!wrapped) return std::move(wrapped).error();
    row.wrapped = std::move(*wrapped);
    plugin::Transaction tx;
    auto done = sources.storage.apply(tx, {store::rewrapDataKey(row, from)}, plugin::ApplyMode::Commit,
                                      plugin::callWithin(sources.clock, kStoreWithin));
    if (done) return true;
    const auto code = done.error().code;
    if (code == Errc::Conflict || code == Errc::NotFound) return false;
    return std::move(done).error();
}

}  // namespace

base::Result<crypto::Digest256> Peppers::mac(std::string_view pepperId, base::BytesView secret) const {
    const auto found = byId_.find(pepperId);
    if (found == byId_.end()) return fail(Errc::NotFound, "", "no pepper of this id is held");
    return found->second.mac(secret);
}

base::Result<void> DataKeys::take(const std::string& purpose, const std::string& id, base::BytesView key) {
    // Rows come oldest first: the newest of a purpose is the one in use.
    if (purpose == kPepper) {
        peppers_.byId_.insert_or_assign(id, crypto::HmacSha256(key));
        peppers_.current_ = id;
    } else if (purpose == kCursor) {
        cursor_.emplace(key);
    } else if (purpose == kCheckpoint) {
        auto signer = crypto::PrivateKey::ed25519FromSeed(key);
        if (!signer) return std::move(signer).error();
        checkpoint_ = CheckpointSigner(std::move(*signer), id);
    } else if (purpose == kColumn) {
        auto aead = crypto::Aead::withKey(key);
        if (!aead) return std::move(aead).error();
        columns_ = std::move(*aead);
    }
    return {};
}

base::Result<std::unique_ptr<const DataKeys>> DataKeys::open(const Sources& sources) {
    const auto rows = completeRows(sources);
    if (!rows) return rows.error();
    std::unique_ptr<DataKeys> out(new DataKeys());
    for (const auto& row : *rows) {
        const auto secret = unwrap(sources, row);
        if (!secret) return secret.error();
        if (auto taken = out->take(row.purpose, row.id, secret->view()); !taken) return std::move(taken).error();
        if (row.plugin == sources.keys.name() || sources.access == Access::Look) continue;
        const auto done = move(sources, row, *secret);
        if (!done) return done.error();
        if (*done) ++out->moved_;
    }
    return std::unique_ptr<const DataKeys>(std::move(out));
}

}  // namespace agentidp::keys
