#include "store/signing_keys.h"

#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::store {
namespace {

constexpr std::string_view kTable = "signing_keys";
constexpr std::uint32_t kMost = 10'000;
const std::vector<std::string_view> kColumns{"kid",          "alg",          "state",       "public_jwk", "plugin",
                                             "fingerprint",  "wrapped",      "compromised", "created_at", "published_at",
                                             "activates_at", "activated_at", "retiring_at", "gone_at",    "row_version"};

std::vector<plugin::Assign> changeable(const model::SigningKey& key) {
    return {{"state", std::string(nameOf(key.state))}, {"wrapped", orNull(key.wrapped)},
            {"compromised", key.compromised},          {"published_at", orNull(key.publishedAt)},
            {"activates_at", orNull(key.activatesAt)}, {"activated_at", orNull(key.activatedAt)},
            {"retiring_at", orNull(key.retiringAt)},   {"gone_at", orNull(key.goneAt)}};
}

std::vector<plugin::Where> exactly(const model::KeyId& kid, std::int64_t version) {
    return {{"kid", plugin::Compare::Eq, {kid.str()}}, {"row_version", plugin::Compare::Eq, {version}}};
}

model::KeyState stateNamed(std::string_view name, RowReader& reader) {
    using model::KeyState;
    for (const auto state : {KeyState::Pending, KeyState::Published, KeyState::Active, KeyState::Retiring, KeyState::Gone})
        if (nameOf(state) == name) return state;
    reader.refuse();
    return KeyState::Gone;
}

base::Result<model::SigningKey> decode(const plugin::Row& row) {
    RowReader reader(row);
    model::SigningKey key;
    key.kid = model::KeyId(reader.text());
    key.alg = reader.text();
    key.state = stateNamed(reader.text(), reader);
    key.publicJwk = reader.json();
    key.plugin = reader.text();
    key.fingerprint = reader.text();
    key.wrapped = reader.bytesOrNull();
    key.compromised = reader.flag();
    key.createdAt = reader.time();
    key.publishedAt = reader.timeOrNull();
    key.activatesAt = reader.timeOrNull();
    key.activatedAt = reader.timeOrNull();
    key.retiringAt = reader.timeOrNull();
    key.goneAt = reader.timeOrNull();
    key.rowVersion = reader.integer();
    if (auto verdict = reader.verdict(kTable); !verdict) return verdict.error();
    return key;
}

}  // namespace

std::string_view nameOf(model::KeyState state) {
    switch (state) {
        case model::KeyState::Pending: return "pending";
        case model::KeyState::Published: return "published";
        case model::KeyState::Active: return "active";
        case model::KeyState::Retiring: return "retiring";
        case model::KeyState::Gone: break;
    }
    return "gone";
}

plugin::Op insertSigningKey(const model::SigningKey& key) {
    auto set = changeable(key);
    set.push_back({"kid", key.kid.str()});
    set.push_back({"alg", key.alg});
    set.push_back({"public_jwk", plugin::JsonText{key.publicJwk}});
    set.push_back({"plugin", key.plugin});
    set.push_back({"fingerprint", key.fingerprint});
    set.push_back({"created_at", key.createdAt});
    set.push_back({"row_version", key.rowVersion});
    return plugin::insertInto(kTable, std::move(set));
}

plugin::Op updateSigningKey(const model::SigningKey& key, std::int64_t expected) {
    auto set = changeable(key);
    set.push_back({"row_version", expected + 1});
    return plugin::update(kTable, std::move(set), exactly(key.kid, expected), 1);
}

plugin::Op touchSigningKey(const model::KeyId& kid, std::int64_t expected) {
    return plugin::update(kTable, {{"row_version", expected + 1}}, exactly(kid, expected), 1);
}

base::Result<std::vector<model::SigningKey>> readSigningKeys(plugin::Storage& storage, const base::Clock& clock) {
    return readAll<model::SigningKey>(storage, clock, plugin::select(kTable, kColumns, {}, kMost, {{"created_at", false}, {"kid", false}}),
                                      decode);
}

}  // namespace agentidp::store
