#include "keys_vault.h"

#include <openssl/rand.h>

#include <algorithm>

#include "keystore/base64url.h"
#include "remote/base64.h"

namespace agentidp::keys_vault {
namespace {

using keystore::Algorithm;
using keystore::algorithmOf;
using keystore::nameOf;
using keystore::Purpose;
using keystore::Sealing;
using keystore::SigningKey;

constexpr std::size_t kLargestDataKey = 4'096;
/// Data keys wrapped here and not by transit: this byte, 8 bytes of the KEK's id, then what Sealing makes.
constexpr char kWrapVersion = 1;
constexpr std::size_t kWrapHeader = 9;

std::string wrapHeader(const Sealing& sealing) { return std::string(1, kWrapVersion) + *keystore::unbase64url(sealing.kekId()); }

/// For a key that is made in transit, where its fingerprint is not known yet: "<prefix>-signing-<24 hexadecimal digits>". Names there end
/// in a letter or digit.
std::string freshName(const std::string& prefix) {
    unsigned char random[12];
    if (RAND_bytes(random, sizeof random) != 1) return {};
    std::string name = prefix + "-signing-";
    for (const unsigned each : random) name.append({"0123456789abcdef"[each >> 4U], "0123456789abcdef"[each & 15U]});
    return name;
}

/// Where a private key that transit encrypted belongs.
std::string placeOf(std::string_view fingerprint) { return "agentidp signing key " + std::string(fingerprint); }

}  // namespace

aip::Status KeysVault::configure(const aip::Config& config) {
    auto settings = vault::Settings::from("keys-vault", config);
    if (!settings) return settings.fail();
    settings_ = std::move(*settings);
    engine_ = config.text("engine", "kv") == "transit" ? Engine::Transit : Engine::Kv;
    signing_ = config.text("signing", "local") == "remote" ? Signing::Remote : Signing::Local;
    path_ = config.text("path", "agentidp");
    transitMount_ = config.text("transit_mount", "transit");
    transitKey_ = config.text("transit_key", "agentidp");
    rsaBits_ = static_cast<unsigned>(config.integer("rsa_bits", 2048));
    if (!vault::isPath(path_)) return aip::invalid(settings_.setting("path") + " is no path of Vault's");
    if (!vault::isPath(transitMount_)) return aip::invalid(settings_.setting("transit_mount") + " is no path of Vault's");
    if (!vault::isPath(transitKey_) || transitKey_.find('/') != std::string::npos)
        return aip::invalid(settings_.setting("transit_key") + " is no name of a key");
    if (rsaBits_ != 2048 && rsaBits_ != 3072 && rsaBits_ != 4096)
        return aip::invalid(settings_.setting("rsa_bits") + " is 2048, 3072 or 4096");
    if (engine_ == Engine::Kv && signing_ == Signing::Remote)
        return aip::invalid(settings_.setting("signing") + " = remote needs " + settings_.setting("engine") +
                            " = transit: KV does not sign");
    return {};
}

aip::Status KeysVault::start(const aip::Call& call) {
    auto session = vault::Session::open(settings_, host(), call);
    if (!session) return session.fail();
    session_ = std::move(*session);
    kv_ = std::make_unique<vault::Kv>(*session_);
    transit_ = std::make_unique<Transit>(*session_, transitMount_, transitKey_);
    if (engine_ == Engine::Transit) {
        if (auto ready = transit_->prepare(call); !ready) return ready;
    } else if (const auto kek = sealing(call); !kek) {
        return kek.fail();
    }
    const auto keys = list(call);
    return keys.ok() ? aip::Status() : keys.fail();
}

aip::Status KeysVault::stop(const aip::Call&) {
    transit_.reset();
    kv_.reset();
    session_.reset();
    return {};
}

aip::Status KeysVault::health(aip::Fields& details, const aip::Call& call) {
    if (!session_) return aip::unavailable("not started");
    {
        const std::shared_lock lock(mutex_);
        details.integer("keys",
                        std::count_if(entries_.begin(), entries_.end(), [](const auto& each) { return !each.second.held.retired; }));
    }
    details.text("engine", engine_ == Engine::Transit ? "transit" : "kv").text("signing", signing_ == Signing::Remote ? "remote" : "local");
    return session_->health(details, call);
}

aip::KeysAbilities KeysVault::abilities() const {
    const bool remote = signing_ == Signing::Remote;
    return {{"ES256", "RS256", "PS256", "EdDSA"}, !remote, true, remote};
}

aip::Outcome<aip::Secret> KeysVault::fetchKek(const aip::Call& call) {
    const auto held = kv_->get(path_ + "/kek", 0, call);
    if (!held) return held.fail();
    const auto text = held->data["kek"].text();
    auto kek = text ? remote::unbase64(*text) : std::nullopt;
    if (!kek || kek->size() != Sealing::kKekSize)
        return aip::invalid("the key-encryption key in Vault is damaged", path_ + "/kek: undelete an older version of it");
    return std::move(*kek);
}

aip::Outcome<std::shared_ptr<const Sealing>> KeysVault::sealing(const aip::Call& call) {
    const std::lock_guard lock(sealingMutex_);
    if (sealing_) return sealing_;
    auto kek = fetchKek(call);
    if (!kek && kek.fail().status == AIP_E_NOTFOUND && engine_ == Engine::Kv) {
        aip::Secret fresh;
        fresh.resize(Sealing::kKekSize);
        if (RAND_priv_bytes(fresh.data(), static_cast<int>(fresh.size())) != 1) return aip::internal("OpenSSL has no random bytes");
        remote::Object data;
        data.base64("kek", fresh.view());
        // Version 0 only: one that was deleted is not replaced, since data keys lie under it. Another replica may have been first.
        const auto written = kv_->put(path_ + "/kek", std::move(data), 0, call);
        if (!written && written.fail().status != AIP_E_CONFLICT) return written.fail();
        kek = fetchKek(call);
    }
    if (!kek) {
        if (kek.fail().status == AIP_E_NOTFOUND)
            return aip::denied("the key-encryption key is missing in Vault: undelete " + path_ + "/kek", kek.fail().detail);
        return kek.fail();
    }
    auto made = Sealing::fromKek(kek->view());
    if (!made) return made.fail();
    sealing_ = std::make_shared<const Sealing>(std::move(*made));
    return sealing_;
}

void KeysVault::remember(const Entry& entry) {
    const std::unique_lock lock(mutex_);
    auto [at, added] = entries_.try_emplace(entry.held.fingerprint, entry);
    // A key retired here stays retired whatever an answer that was under way says.
    if (!added && !at->second.held.retired) at->second = entry;
}

aip::Outcome<Record> KeysVault::fetch(std::string_view fingerprint, const aip::Call& call) {
    const auto held = kv_->get(pathOf(fingerprint), 0, call);
    if (!held) return held.fail();
    auto record = readRecord(held->data, fingerprint);
    if (record) record->version = held->version;
    return record;
}

/// Null where the private part never comes here.
aip::Outcome<KeysVault::Key> KeysVault::open(const Record& record, const aip::Call& call) {
    if (record.form == Record::Form::Transit || record.form == Record::Form::Retired) return Key();
    const auto algorithm = *algorithmOf(record.held.alg);
    const aip::Secret* pkcs8 = &record.material;
    aip::Secret unwrapped;
    if (record.form == Record::Form::Wrapped) {
        auto plain = transit_->unwrap(record.material.view(), placeOf(record.held.fingerprint), call);
        if (!plain) return plain.fail();
        unwrapped = std::move(*plain);
        pkcs8 = &unwrapped;
    }
    auto key = SigningKey::fromPkcs8(algorithm, pkcs8->view(), SigningKey::Check::Quick);
    if (key.ok() && (*key)->fingerprint() == record.held.fingerprint) return key;
    return aip::invalid("a key in Vault is damaged or foreign", pathOf(record.held.fingerprint) + " holds another key");
}

aip::Outcome<KeysVault::Entry> KeysVault::entryFor(std::string_view fingerprint, const aip::Call& call) {
    if (!keystore::looksLikeFingerprint(fingerprint)) return aip::notFound("no such key");
    {
        const std::shared_lock lock(mutex_);
        const auto at = entries_.find(fingerprint);
        if (at != entries_.end() && at->second.held.retired) return aip::denied("the key is retired");
        if (at != entries_.end() && (at->second.key || at->second.form == Record::Form::Transit)) return at->second;
    }
    const auto record = fetch(fingerprint, call);
    if (!record) return record.fail().status == AIP_E_NOTFOUND ? aip::notFound("no such key") : record.fail();
    auto key = open(*record, call);
    if (!key) return key.fail();
    const Entry entry{record->held, record->form, record->form == Record::Form::Transit ? std::string(record->material.view()) : "",
                      std::move(*key)};
    remember(entry);
    if (entry.held.retired) return aip::denied("the key is retired");
    return entry;
}

aip::Outcome<aip::HeldKey> KeysVault::generate(std::string_view alg, const aip::Call& call) {
    const auto algorithm = algorithmOf(alg);
    if (!algorithm) return aip::unsupported("no such algorithm");
    if (signing_ == Signing::Local) {
        const auto key = SigningKey::generate(*algorithm, rsaBits_, [&call] { return call.check().ok(); });
        if (!key) return call.expired() ? aip::deadline() : key.fail();
        return keep(*key, call);
    }
    const auto name = freshName(transitKey_);
    if (name.empty()) return aip::internal("OpenSSL has no random bytes");
    const auto part = transit_->generate(name, *algorithm, rsaBits_, call);
    if (!part) return part.fail();
    Record record;
    record.held = {part->fingerprint, std::string(alg), part->jwk, host().wallUs(), false};
    record.form = Record::Form::Transit;
    record.material = aip::Secret(name);
    return add(std::move(record), nullptr, call);
}

aip::Outcome<aip::HeldKey> KeysVault::import(std::string_view alg, std::string_view pkcs8, const aip::Call& call) {
    if (signing_ == Signing::Remote) return aip::unsupported("with signing = remote keys are made by transit and never come in");
    const auto algorithm = algorithmOf(alg);
    if (!algorithm) return aip::unsupported("no such algorithm");
    const auto key = SigningKey::fromPkcs8(*algorithm, pkcs8, SigningKey::Check::Thorough);
    if (!key) return key.fail();
    return keep(*key, call);
}

aip::Outcome<aip::HeldKey> KeysVault::keep(const Key& key, const aip::Call& call) {
    auto pkcs8 = key->pkcs8();
    if (!pkcs8) return pkcs8.fail();
    Record record;
    record.held = {key->fingerprint(), nameOf(key->algorithm()), key->publicJwk(), host().wallUs(), false};
    if (engine_ == Engine::Kv) {
        record.material = std::move(*pkcs8);
        return add(std::move(record), key, call);
    }
    const auto wrapped = transit_->wrap(pkcs8->view(), placeOf(key->fingerprint()), call);
    if (!wrapped) return wrapped.fail();
    record.form = Record::Form::Wrapped;
    record.material = aip::Secret(*wrapped);
    return add(std::move(record), key, call);
}

aip::Outcome<aip::HeldKey> KeysVault::add(Record record, const Key& key, const aip::Call& call) {
    const auto written = kv_->put(pathOf(record.held.fingerprint), write(record, 0), 0, call);
    if (!written) return written.fail().status == AIP_E_CONFLICT ? aip::exists("the key is held already") : written.fail();
    remember({record.held, record.form, record.form == Record::Form::Transit ? std::string(record.material.view()) : "", key});
    return record.held;
}

aip::Outcome<std::vector<aip::HeldKey>> KeysVault::list(const aip::Call& call) {
    const auto names = kv_->list(path_ + "/signing", call);
    if (!names) return names.fail();
    std::vector<aip::HeldKey> all;
    for (const auto& name : *names) {
        if (!keystore::looksLikeFingerprint(name)) {
            host().warn("keys-vault: " + path_ + "/signing/" + name + " is not a secret of this plugin and is left alone");
            continue;
        }
        const auto record = fetch(name, call);
        if (!record && record.fail().status == AIP_E_NOTFOUND) continue;
        if (!record) return record.fail();
        all.push_back(record->held);
        if (!record->held.retired) continue;
        const std::unique_lock lock(mutex_);
        entries_[name] = Entry{record->held, Record::Form::Retired, {}, nullptr};
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& left, const auto& right) { return left.createdAtUs < right.createdAtUs; });
    return all;
}

aip::Outcome<aip::Signed> KeysVault::sign(std::string_view fingerprint, std::string_view data, const aip::Call& call) {
    const auto entry = entryFor(fingerprint, call);
    if (!entry) return entry.fail();
    auto signature = entry->key ? entry->key->sign(data) : transit_->sign(entry->transitKey, *algorithmOf(entry->held.alg), data, call);
    if (signature.ok()) return aip::Signed{std::move(*signature), entry->held.fingerprint};
    // Another replica may have retired it, and transit has it no more.
    if (!entry->key && (signature.fail().status == AIP_E_NOTFOUND || signature.fail().status == AIP_E_INVALID)) {
        const auto record = fetch(fingerprint, call);
        if (record.ok() && record->held.retired) return aip::denied("the key is retired");
    }
    return signature.fail();
}

aip::Status KeysVault::retire(std::string_view fingerprint, const aip::Call& call) {
    if (!keystore::looksLikeFingerprint(fingerprint)) return aip::notFound("no such key");
    auto record = fetch(fingerprint, call);
    if (!record) return record.fail().status == AIP_E_NOTFOUND ? aip::notFound("no such key") : record.fail();
    const auto retiredAtUs = host().wallUs();
    if (record->form != Record::Form::Retired) {
        const auto before = record->form;
        record->form = Record::Form::Retired;
        record->held.retired = true;
        if (before != Record::Form::Transit) record->material = {};
        const auto written = kv_->put(pathOf(fingerprint), write(*record, retiredAtUs), record->version, call);
        // Whoever wrote meanwhile did the same.
        if (!written) return written.fail().status == AIP_E_CONFLICT ? retire(fingerprint, call) : written.fail();
        record->version = *written;
        const std::unique_lock lock(mutex_);
        entries_[std::string(fingerprint)] = Entry{record->held, Record::Form::Retired, {}, nullptr};
    }
    if (!record->material.empty())
        if (auto removed = transit_->remove(std::string(record->material.view()), call); !removed) return removed;
    auto older = kv_->versions(pathOf(fingerprint), call);
    if (!older) return older.fail();
    older->erase(std::remove(older->begin(), older->end(), record->version), older->end());
    return kv_->destroy(pathOf(fingerprint), *older, call);
}

aip::Outcome<std::string> KeysVault::wrap(std::string_view plain, std::string_view aad, const aip::Call& call) {
    if (plain.empty() || plain.size() > kLargestDataKey) return aip::invalid("a data key has 1 to 4096 bytes");
    if (engine_ == Engine::Transit) return transit_->wrap(plain, aad, call);
    const auto under = sealing(call);
    if (!under) return under.fail();
    const auto header = wrapHeader(**under);
    const auto sealed = (*under)->seal(Purpose::DataKey, plain, header + std::string(aad));
    if (!sealed) return sealed.fail();
    return header + *sealed;
}

aip::Outcome<aip::Secret> KeysVault::unwrap(std::string_view wrapped, std::string_view aad, const aip::Call& call) {
    if (Transit::looksWrapped(wrapped)) return transit_->unwrap(wrapped, aad, call);
    if (wrapped.size() <= kWrapHeader || wrapped.front() != kWrapVersion) return aip::invalid("not a data key that this plugin wrapped");
    const auto under = sealing(call);
    if (!under) return under.fail();
    const auto header = wrapped.substr(0, kWrapHeader);
    if (header != wrapHeader(**under))
        return aip::invalid(
            "the data key was wrapped under another key-encryption key",
            "KEK " + keystore::base64url(header.substr(1)) + ", Vault has KEK " + (*under)->kekId() + " at " + path_ + "/kek");
    return (*under)->open(Purpose::DataKey, wrapped.substr(kWrapHeader), std::string(header) + std::string(aad));
}

aip::Outcome<aip::Secret> KeysVault::exportPrivate(std::string_view fingerprint, const aip::Call& call) {
    if (signing_ == Signing::Remote) return aip::unsupported("with signing = remote private keys never leave Vault");
    const auto entry = entryFor(fingerprint, call);
    if (!entry) return entry.fail();
    if (!entry->key) return aip::unsupported("this key was made with signing = remote and never leaves Vault");
    return entry->key->pkcs8();
}

}  // namespace agentidp::keys_vault

AGENTIDP_PLUGIN(KEYS, agentidp::keys_vault::KeysVault, "vault", "1.0.0", "AgentIdP", AIP_F_CONCURRENT | AIP_F_THREADS | AIP_F_BLOCKS,
                "{" AGENTIDP_VAULT_SETTINGS R"json(,
    "path": {"type": "string", "default": "agentidp", "doc": "Below the KV mount: where keys and the key-encryption key are."},
    "engine": {"type": "string", "default": "kv", "enum": ["kv", "transit"], "doc": "kv: private keys and the key-encryption key are secrets of KV. transit: transit wraps, and signs with signing = remote."},
    "signing": {"type": "string", "default": "local", "enum": ["local", "remote"], "doc": "local: the daemon signs in its own memory. remote: every signature is a request to transit."},
    "transit_mount": {"type": "string", "default": "transit", "doc": "Where transit is mounted."},
    "transit_key": {"type": "string", "default": "agentidp", "doc": "The key that wraps; made if it is absent. Signing keys are called after it."},
    "rsa_bits": {"type": "integer", "default": 2048, "min": 2048, "max": 4096, "doc": "Of keys it makes for RS256 and PS256: 2048, 3072 or 4096."}
})json")
