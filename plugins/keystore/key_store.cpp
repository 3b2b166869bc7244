#include "keystore/key_store.h"

#include <algorithm>

#include "keystore/base64url.h"

namespace agentidp::keystore {
namespace {

constexpr std::string_view kSuffix = ".key";

std::string fileNameOf(std::string_view fingerprint) { return std::string(fingerprint) + std::string(kSuffix); }
std::string headerOf(const std::string& text) {
    auto file = parseKeyFile(text);
    return file ? std::move(file->header) : std::string();
}

}  // namespace

std::string_view fingerprintIn(std::string_view name) {
    if (name.size() <= kSuffix.size() || name.substr(name.size() - kSuffix.size()) != kSuffix) return {};
    const auto stem = name.substr(0, name.size() - kSuffix.size());
    return looksLikeFingerprint(stem) ? stem : std::string_view();
}

aip::Status KeyStore::start(const aip::Call& call) {
    if (!settings_.shared) folder_.removeLeftovers();
    {
        const std::unique_lock lock(mutex_);
        entries_.clear();
    }
    const std::lock_guard writing(writing_);
    return loadNew(call);
}

aip::Outcome<KeyStore::Entry> KeyStore::load(const std::string& name, const aip::Call& call) const {
    const auto path = folder_.pathOf(name);
    const auto damaged = [&path](const std::string& how) {
        return aip::invalid("a key file is damaged or foreign", path + " " + how + ": restore it from a backup, or move it away");
    };
    const auto content = folder_.read(name, kLargestKeyFile);
    if (!content) return content.fail();
    const auto file = parseKeyFile(content->view());
    if (!file) return damaged("is no key file of ours");
    if (file->fingerprint != fingerprintIn(name)) return damaged("holds the key of another name");
    if (!sealer_.knows(file->kekId))
        return aip::denied(sealer_.setting() + " is not the key that the key files were sealed under",
                           path + " was sealed under " + file->kekId + ", this is " + sealer_.id());
    if (auto entry = unchanged(*file)) return std::move(*entry);
    const auto pkcs8 = sealer_.open(file->sealed, file->header, call);
    if (!pkcs8) return pkcs8.fail().status == AIP_E_INVALID ? damaged("was changed") : pkcs8.fail();
    Entry entry;
    entry.held = {file->fingerprint, file->alg, file->jwk, file->createdAtUs, file->retiredAtUs.has_value()};
    entry.header = file->header;
    if (entry.held.retired) return entry;
    const auto algorithm = algorithmOf(file->alg);
    if (!algorithm) return damaged("has an unknown algorithm");
    auto key = SigningKey::fromPkcs8(*algorithm, pkcs8->view(), SigningKey::Check::Quick);
    if (!key) return damaged("holds no key: " + key.fail().message);
    if ((*key)->fingerprint() != file->fingerprint) return damaged("holds another key");
    entry.key = std::move(*key);
    return entry;
}

std::optional<KeyStore::Entry> KeyStore::unchanged(const KeyFile& file) const {
    const std::shared_lock lock(mutex_);
    const auto at = entries_.find(file.fingerprint);
    return at != entries_.end() && at->second.header == file.header ? std::optional(at->second) : std::nullopt;
}

/// Files that are new here, and those of keys that another replica may have retired since. A key retired here stays retired whatever a
/// file says.
aip::Status KeyStore::loadNew(const aip::Call& call) {
    const auto names = folder_.names();
    if (!names) return names.fail();
    for (const auto& name : *names) {
        if (fingerprintIn(name).empty()) {
            const bool known = settings_.neighbours.count(name) != 0 || (settings_.shared && name.front() == '.');
            if (!known) host_.warn(folder_.pathOf(name) + " is not a file of this plugin and is left alone");
            continue;
        }
        auto entry = load(name, call);
        if (!entry) return entry.fail();
        const std::unique_lock lock(mutex_);
        auto [at, added] = entries_.try_emplace(entry->held.fingerprint, *entry);
        if (!added && entry->held.retired) at->second = *entry;
    }
    return {};
}

aip::Status KeyStore::reloadIfShared(const aip::Call& call) {
    if (!settings_.shared) return {};
    const std::lock_guard writing(writing_);
    return loadNew(call);
}

KeyStore::Count KeyStore::count() const {
    Count counted;
    const std::shared_lock lock(mutex_);
    for (const auto& [fingerprint, entry] : entries_) ++(entry.held.retired ? counted.retired : counted.keys);
    return counted;
}

aip::Outcome<aip::HeldKey> KeyStore::generate(std::string_view alg, const aip::Call& call) {
    const auto algorithm = algorithmOf(alg);
    if (!algorithm) return aip::unsupported("no such algorithm");
    const auto key = SigningKey::generate(*algorithm, settings_.rsaBits, [&call] { return call.check().ok(); });
    if (!key) return call.expired() ? aip::deadline() : key.fail();
    return keep(*key, call);
}

aip::Outcome<aip::HeldKey> KeyStore::import(std::string_view alg, std::string_view pkcs8, const aip::Call& call) {
    const auto algorithm = algorithmOf(alg);
    if (!algorithm) return aip::unsupported("no such algorithm");
    const auto key = SigningKey::fromPkcs8(*algorithm, pkcs8, SigningKey::Check::Thorough);
    if (!key) return key.fail();
    return keep(*key, call);
}

aip::Outcome<aip::HeldKey> KeyStore::keep(const std::shared_ptr<const SigningKey>& key, const aip::Call& call) {
    KeyFile file;
    file.fingerprint = key->fingerprint();
    file.alg = nameOf(key->algorithm());
    file.createdAtUs = host_.wallUs();
    file.jwk = key->publicJwk();
    const auto pkcs8 = key->pkcs8();
    if (!pkcs8) return pkcs8.fail();
    const auto text = writeKeyFile(file, pkcs8->view(), sealer_, call);
    if (!text) return text.fail();

    const std::lock_guard writing(writing_);
    const auto written = folder_.write(fileNameOf(file.fingerprint), *text, KeyFolder::Place::Fresh);
    if (!written) return written.fail().status == AIP_E_EXISTS ? aip::exists("the key is held already") : written.fail();
    const aip::HeldKey held{file.fingerprint, file.alg, file.jwk, file.createdAtUs, false};
    const std::unique_lock lock(mutex_);
    entries_[file.fingerprint] = Entry{held, key, headerOf(*text)};
    return held;
}

aip::Outcome<std::vector<aip::HeldKey>> KeyStore::list(const aip::Call& call) {
    if (auto reloaded = reloadIfShared(call); !reloaded) return reloaded.fail();
    std::vector<aip::HeldKey> all;
    {
        const std::shared_lock lock(mutex_);
        for (const auto& [fingerprint, entry] : entries_) all.push_back(entry.held);
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& left, const auto& right) { return left.createdAtUs < right.createdAtUs; });
    return all;
}

std::shared_ptr<const SigningKey> KeyStore::lookUp(std::string_view fingerprint, bool& retired) const {
    const std::shared_lock lock(mutex_);
    const auto at = entries_.find(fingerprint);
    if (at == entries_.end()) return nullptr;
    retired = at->second.held.retired;
    return at->second.key;
}

aip::Outcome<std::shared_ptr<const SigningKey>> KeyStore::keyFor(std::string_view fingerprint, const aip::Call& call) {
    bool retired = false;
    auto key = lookUp(fingerprint, retired);
    if (!key && !retired && settings_.shared && looksLikeFingerprint(fingerprint)) {
        if (auto reloaded = reloadIfShared(call); !reloaded) return reloaded.fail();
        key = lookUp(fingerprint, retired);
    }
    if (retired) return aip::denied("the key is retired");
    if (!key) return aip::notFound("no such key");
    return key;
}

aip::Outcome<aip::Signed> KeyStore::sign(std::string_view fingerprint, std::string_view data, const aip::Call& call) {
    const auto key = keyFor(fingerprint, call);
    if (!key) return key.fail();
    auto signature = (*key)->sign(data);
    if (!signature) return signature.fail();
    return aip::Signed{std::move(*signature), (*key)->fingerprint()};
}

aip::Status KeyStore::retire(std::string_view fingerprint, const aip::Call& call) {
    if (const auto key = keyFor(fingerprint, call); !key) return key.fail().status == AIP_E_DENIED ? aip::Status() : key.fail();
    const std::lock_guard writing(writing_);
    aip::HeldKey held;
    {
        const std::shared_lock lock(mutex_);
        held = entries_.find(fingerprint)->second.held;
    }
    if (held.retired) return {};
    KeyFile file;
    file.fingerprint = held.fingerprint;
    file.alg = held.alg;
    file.createdAtUs = held.createdAtUs;
    file.retiredAtUs = host_.wallUs();
    file.jwk = held.jwk;
    const auto text = writeKeyFile(file, {}, sealer_, call);
    if (!text) return text.fail();
    if (auto written = folder_.write(fileNameOf(fingerprint), *text, KeyFolder::Place::Over); !written) return written;
    const std::unique_lock lock(mutex_);
    auto& entry = entries_.find(fingerprint)->second;
    entry.held.retired = true;
    entry.key.reset();
    entry.header = headerOf(*text);
    return {};
}

aip::Outcome<aip::Secret> KeyStore::exportPrivate(std::string_view fingerprint, const aip::Call& call) {
    const auto key = keyFor(fingerprint, call);
    return key.ok() ? (*key)->pkcs8() : key.fail();
}

}  // namespace agentidp::keystore
