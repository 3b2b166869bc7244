#include "keys_file.h"

#include <openssl/rand.h>

#include <algorithm>

#include "keystore/base64url.h"

namespace agentidp::keys_file {

using keystore::algorithmOf;
using keystore::base64url;
using keystore::kekFrom;
using keystore::looksLikeFingerprint;
using keystore::nameOf;
using keystore::Purpose;
using keystore::unbase64url;

namespace {

constexpr std::string_view kKekFile = "kek";
constexpr std::string_view kSuffix = ".key";
constexpr std::size_t kLargestDataKey = 4'096;
/// Wrapped data keys: this byte, 8 bytes of the KEK's id, then what Sealing makes.
constexpr char kWrapVersion = 1;
constexpr std::size_t kWrapHeader = 9;

std::string fileNameOf(std::string_view fingerprint) { return std::string(fingerprint) + std::string(kSuffix); }

/// The fingerprint a file name stands for; empty for any other name.
std::string_view fingerprintIn(std::string_view name) {
    if (name.size() <= kSuffix.size() || name.substr(name.size() - kSuffix.size()) != kSuffix) return {};
    const auto stem = name.substr(0, name.size() - kSuffix.size());
    return looksLikeFingerprint(stem) ? stem : std::string_view();
}

std::string wrapHeader(const Sealing& sealing) { return std::string(1, kWrapVersion) + *unbase64url(sealing.kekId()); }

}  // namespace

aip::Status KeysFile::configure(const aip::Config& config) {
    dir_ = config.text("dir");
    kekReference_ = config.text("kek");
    shared_ = config.boolean("shared");
    rsaBits_ = static_cast<unsigned>(config.integer("rsa_bits", 2048));
    if (!dir_.empty() && dir_.front() != '/') return aip::invalid("plugins.keys-file.dir is not an absolute path");
    return {};
}

aip::Status KeysFile::start(const aip::Call&) {
    if (dir_.empty()) {
        if (host().dataDir().empty()) return aip::invalid("plugins.keys-file.dir is needed: the host has no data directory");
        dir_ = host().dataDir() + "/keys";
    }
    auto folder = KeyFolder::open(dir_);
    if (!folder) return folder.fail();
    folder_ = std::make_unique<KeyFolder>(std::move(*folder));
    if (!shared_) folder_->removeLeftovers();
    auto sealing = sealingFor(*folder_);
    if (!sealing) return sealing.fail();
    sealing_ = std::make_unique<Sealing>(std::move(*sealing));
    auto entries = loadAll();
    if (!entries) return entries.fail();
    const std::unique_lock lock(mutex_);
    entries_ = std::move(*entries);
    return {};
}

aip::Outcome<Sealing> KeysFile::sealingFor(const KeyFolder& folder) const {
    if (kekReference_.empty()) return sealingFromKekFile(folder);
    const auto content = host().secret(kekReference_);
    if (!content)
        return aip::Fail{content.fail().status, "plugins.keys-file.kek cannot be read",
                         content.fail().message + " " + content.fail().detail};
    const auto kek = kekFrom(content->view());
    if (kek.empty())
        return aip::invalid("plugins.keys-file.kek is no key of 32 bytes",
                            "wanted 32 raw bytes, 64 hexadecimal digits or 43 characters of base64");
    return Sealing::fromKek(kek.view());
}

aip::Outcome<Sealing> KeysFile::sealingFromKekFile(const KeyFolder& folder) const {
    const auto path = folder.pathOf(kKekFile);
    auto content = folder.read(std::string(kKekFile), 128);
    if (!content && content.fail().status == AIP_E_NOTFOUND) {
        const auto names = folder.names();
        if (!names) return names.fail();
        for (const auto& name : *names)
            if (!fingerprintIn(name).empty())
                return aip::denied("the key-encryption key is missing: set plugins.keys-file.kek, or restore the file kek",
                                   path + " is absent, and " + name + " was sealed under it");
        unsigned char random[Sealing::kKekSize];
        if (RAND_priv_bytes(random, sizeof random) != 1) return aip::internal("OpenSSL has no random bytes");
        std::string text = base64url({reinterpret_cast<const char*>(random), sizeof random}) + "\n";
        const auto written = folder.write(std::string(kKekFile), text, KeyFolder::Place::Fresh);
        aip::wipe(random, sizeof random);
        aip::wipe(text.data(), text.size());
        // Another replica may have been first; then its key is the one.
        if (!written && written.fail().status != AIP_E_EXISTS) return written.fail();
        content = folder.read(std::string(kKekFile), 128);
    }
    if (!content) return content.fail();
    const auto kek = kekFrom(content->view());
    if (kek.empty()) return aip::invalid("the key-encryption key file is damaged", path + ": restore it from a backup");
    return Sealing::fromKek(kek.view());
}

aip::Outcome<KeysFile::Entry> KeysFile::load(const std::string& name) const {
    const auto path = folder_->pathOf(name);
    const auto damaged = [&path](const std::string& how) {
        return aip::invalid("a key file is damaged or foreign", path + " " + how + ": restore it from a backup, or move it away");
    };
    const auto content = folder_->read(name, kLargestKeyFile);
    if (!content) return content.fail();
    const auto file = parseKeyFile(content->view());
    if (!file) return damaged("is no key file of ours");
    if (file->fingerprint != fingerprintIn(name)) return damaged("holds the key of another name");
    if (file->kekId != sealing_->kekId())
        return aip::denied("plugins.keys-file.kek is not the key that the key files were sealed under",
                           path + " was sealed under KEK " + file->kekId + ", this is KEK " + sealing_->kekId());
    const auto pkcs8 = sealing_->open(Purpose::KeyFile, file->sealed, file->header);
    if (!pkcs8) return damaged("was changed");
    Entry entry;
    entry.held = {file->fingerprint, file->alg, file->jwk, file->createdAtUs, file->retiredAtUs.has_value()};
    if (entry.held.retired) return entry;
    const auto algorithm = algorithmOf(file->alg);
    if (!algorithm) return damaged("has an unknown algorithm");
    auto key = SigningKey::fromPkcs8(*algorithm, pkcs8->view(), SigningKey::Check::Quick);
    if (!key) return damaged("holds no key: " + key.fail().message);
    if ((*key)->fingerprint() != file->fingerprint) return damaged("holds another key");
    entry.key = std::move(*key);
    return entry;
}

aip::Outcome<KeysFile::Entries> KeysFile::loadAll() const {
    const auto names = folder_->names();
    if (!names) return names.fail();
    Entries entries;
    for (const auto& name : *names) {
        if (fingerprintIn(name).empty()) {
            const bool known = name == kKekFile || (shared_ && name.front() == '.');
            if (!known) host().warn("keys-file: " + folder_->pathOf(name) + " is not a file of this plugin and is left alone");
            continue;
        }
        auto entry = load(name);
        if (!entry) return entry.fail();
        auto fingerprint = entry->held.fingerprint;
        entries.emplace(std::move(fingerprint), std::move(*entry));
    }
    return entries;
}

/// Takes over what other replicas wrote. A key retired here stays retired whatever a file says.
aip::Status KeysFile::reloadIfShared() {
    if (!shared_) return {};
    const std::lock_guard writing(writing_);
    auto fresh = loadAll();
    if (!fresh) return fresh.fail();
    const std::unique_lock lock(mutex_);
    for (auto& [fingerprint, entry] : *fresh) {
        auto [at, added] = entries_.try_emplace(fingerprint, entry);
        if (!added && entry.held.retired) at->second = entry;
    }
    return {};
}

aip::Status KeysFile::health(aip::Fields& details, const aip::Call&) {
    if (!folder_) return aip::unavailable("not started");
    std::size_t held = 0, retired = 0;
    {
        const std::shared_lock lock(mutex_);
        held = entries_.size();
        retired = static_cast<std::size_t>(
            std::count_if(entries_.begin(), entries_.end(), [](const auto& each) { return each.second.held.retired; }));
    }
    details.text("dir", folder_->path())
        .text("kek", kekReference_.empty() ? "generated" : "setting")
        .text("kek_id", sealing_->kekId())
        .integer("keys", static_cast<std::int64_t>(held - retired))
        .integer("retired", static_cast<std::int64_t>(retired));
    return folder_->check();
}

aip::KeysAbilities KeysFile::abilities() const { return {{"ES256", "RS256", "PS256", "EdDSA"}, true, true, false}; }

aip::Outcome<aip::HeldKey> KeysFile::generate(std::string_view alg, const aip::Call& call) {
    const auto algorithm = algorithmOf(alg);
    if (!algorithm) return aip::unsupported("no such algorithm");
    const auto key = SigningKey::generate(*algorithm, rsaBits_, [&call] { return call.check().ok(); });
    if (!key) return call.expired() ? aip::deadline() : key.fail();
    return keep(*key);
}

aip::Outcome<aip::HeldKey> KeysFile::import(std::string_view alg, std::string_view pkcs8, const aip::Call&) {
    const auto algorithm = algorithmOf(alg);
    if (!algorithm) return aip::unsupported("no such algorithm");
    const auto key = SigningKey::fromPkcs8(*algorithm, pkcs8, SigningKey::Check::Thorough);
    if (!key) return key.fail();
    return keep(*key);
}

aip::Outcome<aip::HeldKey> KeysFile::keep(const std::shared_ptr<const SigningKey>& key) {
    KeyFile file;
    file.fingerprint = key->fingerprint();
    file.alg = nameOf(key->algorithm());
    file.createdAtUs = host().wallUs();
    file.jwk = key->publicJwk();
    const auto pkcs8 = key->pkcs8();
    if (!pkcs8) return pkcs8.fail();
    const auto text = writeKeyFile(file, pkcs8->view(), *sealing_);
    if (!text) return text.fail();

    const std::lock_guard writing(writing_);
    const auto written = folder_->write(fileNameOf(file.fingerprint), *text, KeyFolder::Place::Fresh);
    if (!written) return written.fail().status == AIP_E_EXISTS ? aip::exists("the key is held already") : written.fail();
    const aip::HeldKey held{file.fingerprint, file.alg, file.jwk, file.createdAtUs, false};
    const std::unique_lock lock(mutex_);
    entries_[file.fingerprint] = Entry{held, key};
    return held;
}

aip::Outcome<std::vector<aip::HeldKey>> KeysFile::list(const aip::Call&) {
    if (auto reloaded = reloadIfShared(); !reloaded) return reloaded.fail();
    std::vector<aip::HeldKey> all;
    {
        const std::shared_lock lock(mutex_);
        for (const auto& [fingerprint, entry] : entries_) all.push_back(entry.held);
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& left, const auto& right) { return left.createdAtUs < right.createdAtUs; });
    return all;
}

std::shared_ptr<const SigningKey> KeysFile::lookUp(std::string_view fingerprint, bool& retired) const {
    const std::shared_lock lock(mutex_);
    const auto at = entries_.find(fingerprint);
    if (at == entries_.end()) return nullptr;
    retired = at->second.held.retired;
    return at->second.key;
}

aip::Outcome<std::shared_ptr<const SigningKey>> KeysFile::keyFor(std::string_view fingerprint) {
    bool retired = false;
    auto key = lookUp(fingerprint, retired);
    if (!key && !retired && shared_ && looksLikeFingerprint(fingerprint)) {
        if (auto reloaded = reloadIfShared(); !reloaded) return reloaded.fail();
        key = lookUp(fingerprint, retired);
    }
    if (retired) return aip::denied("the key is retired");
    if (!key) return aip::notFound("no such key");
    return key;
}

aip::Outcome<aip::Signed> KeysFile::sign(std::string_view fingerprint, std::string_view data, const aip::Call&) {
    const auto key = keyFor(fingerprint);
    if (!key) return key.fail();
    auto signature = (*key)->sign(data);
    if (!signature) return signature.fail();
    return aip::Signed{std::move(*signature), (*key)->fingerprint()};
}

aip::Status KeysFile::retire(std::string_view fingerprint, const aip::Call&) {
    if (const auto key = keyFor(fingerprint); !key) return key.fail().status == AIP_E_DENIED ? aip::Status() : key.fail();
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
    file.retiredAtUs = host().wallUs();
    file.jwk = held.jwk;
    const auto text = writeKeyFile(file, {}, *sealing_);
    if (!text) return text.fail();
    if (auto written = folder_->write(fileNameOf(fingerprint), *text, KeyFolder::Place::Over); !written) return written;
    const std::unique_lock lock(mutex_);
    auto& entry = entries_.find(fingerprint)->second;
    entry.held.retired = true;
    entry.key.reset();
    return {};
}

aip::Outcome<std::string> KeysFile::wrap(std::string_view plain, std::string_view aad, const aip::Call&) {
    if (plain.empty() || plain.size() > kLargestDataKey) return aip::invalid("a data key has 1 to 4096 bytes");
    const auto header = wrapHeader(*sealing_);
    const auto sealed = sealing_->seal(Purpose::DataKey, plain, header + std::string(aad));
    if (!sealed) return sealed.fail();
    return header + *sealed;
}

aip::Outcome<aip::Secret> KeysFile::unwrap(std::string_view wrapped, std::string_view aad, const aip::Call&) {
    if (wrapped.size() <= kWrapHeader || wrapped.front() != kWrapVersion) return aip::invalid("not a data key that this plugin wrapped");
    const auto header = wrapped.substr(0, kWrapHeader);
    if (header != wrapHeader(*sealing_))
        return aip::invalid("the data key was wrapped under another key-encryption key",
                            "KEK " + base64url(header.substr(1)) + ", this is KEK " + sealing_->kekId() + ": see plugins.keys-file.kek");
    return sealing_->open(Purpose::DataKey, wrapped.substr(kWrapHeader), std::string(header) + std::string(aad));
}

aip::Outcome<aip::Secret> KeysFile::exportPrivate(std::string_view fingerprint, const aip::Call&) {
    const auto key = keyFor(fingerprint);
    return key.ok() ? (*key)->pkcs8() : key.fail();
}

}  // namespace agentidp::keys_file

AGENTIDP_PLUGIN(KEYS, agentidp::keys_file::KeysFile, "file", "1.0.0", "AgentIdP", AIP_F_CONCURRENT | AIP_F_BLOCKS, R"json({
    "dir": {"type": "string", "default": "",
            "doc": "Absolute path of the directory of key files, 0700. Empty: `keys` in data.dir. Its parent must be there."},
    "kek": {"type": "secret_ref",
            "doc": "The key-encryption key: 32 bytes, raw, hexadecimal or base64, as file:PATH, cred:NAME or env:NAME. Empty: one is made once and kept in the file `kek` beside the keys, which then protects nothing against who can read that directory."},
    "shared": {"type": "boolean", "default": false,
               "doc": "The directory is the same one for all replicas (a network file system). Needed for a second replica on a shared database."},
    "rsa_bits": {"type": "integer", "default": 2048, "min": 2048, "max": 8192, "doc": "Size of generated RSA keys, for RS256 and PS256."}
})json")
