#include "keys_file.h"

#include <openssl/rand.h>

#include "file_sealer.h"
#include "keystore/base64url.h"

namespace agentidp::keys_file {
namespace {

constexpr std::string_view kKekFile = "kek";
constexpr std::size_t kLargestDataKey = 4'096;
/// Wrapped data keys: this byte, 8 bytes of the KEK's id, then what Sealing makes.
constexpr char kWrapVersion = 1;
constexpr std::size_t kWrapHeader = 9;

using keystore::base64url;
using keystore::kekFrom;
using keystore::KeyFolder;
using keystore::KeyStore;
using keystore::Purpose;
using keystore::Sealing;
using keystore::unbase64url;

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

aip::Status KeysFile::start(const aip::Call& call) {
    if (dir_.empty()) {
        if (host().dataDir().empty()) return aip::invalid("plugins.keys-file.dir is needed: the host has no data directory");
        dir_ = host().dataDir() + "/keys";
    }
    auto folder = KeyFolder::open(dir_);
    if (!folder) return folder.fail();
    folder_ = std::make_unique<KeyFolder>(std::move(*folder));
    auto sealing = sealingFor(*folder_);
    if (!sealing) return sealing.fail();
    sealing_ = std::make_unique<Sealing>(std::move(*sealing));
    sealer_ = std::make_unique<FileSealer>(*sealing_);
    store_ = std::make_unique<KeyStore>(host(), *folder_, *sealer_, KeyStore::Settings{shared_, rsaBits_, {std::string(kKekFile)}});
    return store_->start(call);
}

aip::Outcome<keystore::Sealing> KeysFile::sealingFor(const KeyFolder& folder) const {
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

aip::Outcome<keystore::Sealing> KeysFile::sealingFromKekFile(const KeyFolder& folder) const {
    const auto path = folder.pathOf(kKekFile);
    auto content = folder.read(std::string(kKekFile), 128);
    if (!content && content.fail().status == AIP_E_NOTFOUND) {
        const auto names = folder.names();
        if (!names) return names.fail();
        for (const auto& name : *names)
            if (!keystore::fingerprintIn(name).empty())
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

aip::Status KeysFile::health(aip::Fields& details, const aip::Call&) {
    if (!store_) return aip::unavailable("not started");
    const auto count = store_->count();
    details.text("dir", folder_->path())
        .text("kek", kekReference_.empty() ? "generated" : "setting")
        .text("kek_id", sealing_->kekId())
        .integer("keys", count.keys)
        .integer("retired", count.retired);
    return folder_->check();
}

aip::KeysAbilities KeysFile::abilities() const { return {{"ES256", "RS256", "PS256", "EdDSA"}, true, true, false}; }

aip::Outcome<aip::HeldKey> KeysFile::generate(std::string_view alg, const aip::Call& call) { return store_->generate(alg, call); }
aip::Outcome<aip::HeldKey> KeysFile::import(std::string_view alg, std::string_view pkcs8, const aip::Call& call) {
    return store_->import(alg, pkcs8, call);
}
aip::Outcome<std::vector<aip::HeldKey>> KeysFile::list(const aip::Call& call) { return store_->list(call); }
aip::Outcome<aip::Signed> KeysFile::sign(std::string_view fingerprint, std::string_view data, const aip::Call& call) {
    return store_->sign(fingerprint, data, call);
}
aip::Status KeysFile::retire(std::string_view fingerprint, const aip::Call& call) { return store_->retire(fingerprint, call); }
aip::Outcome<aip::Secret> KeysFile::exportPrivate(std::string_view fingerprint, const aip::Call& call) {
    return store_->exportPrivate(fingerprint, call);
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
