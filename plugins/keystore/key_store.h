#pragma once
/// @file plugins/keystore/key_store.h
/// Private keys as sealed files of one directory, opened once, then at work in this process: what a keys plugin offers whose keys may leave
/// their backend wrapped. Any thread; only start, generate, import and retire wait for the disk and for the Sealer, and they hold up no
/// signature.
#include <agentidp/plugin.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>

#include "keystore/key_file.h"
#include "keystore/key_folder.h"
#include "keystore/sealer.h"
#include "keystore/signing_key.h"

namespace agentidp::keystore {

class KeyStore {
public:
    struct Settings {
        bool shared = false;               ///< other replicas write into the folder too
        unsigned rsaBits = 2048;           ///< of generated RSA keys
        std::set<std::string> neighbours;  ///< files of the plugin in the same folder, which are none of the store's
    };
    /// All of them outlive the store.
    KeyStore(const aip::Host& host, const KeyFolder& folder, Sealer& sealer, Settings settings)
        : host_(host), folder_(folder), sealer_(sealer), settings_(std::move(settings)) {}

    /// Opens every key file. Refuses, naming the file and the mend: another key than the files were sealed under, a damaged file, one that
    /// is open to others. Names a file it does not know in a warning.
    aip::Status start(const aip::Call& call);

    struct Count {
        std::int64_t keys = 0;
        std::int64_t retired = 0;
    };
    [[nodiscard]] Count count() const;

    // As aip_keys_ops has them.
    aip::Outcome<aip::HeldKey> generate(std::string_view alg, const aip::Call& call);
    aip::Outcome<aip::HeldKey> import(std::string_view alg, std::string_view pkcs8, const aip::Call& call);
    aip::Outcome<std::vector<aip::HeldKey>> list(const aip::Call& call);
    aip::Outcome<aip::Signed> sign(std::string_view fingerprint, std::string_view data, const aip::Call& call);
    /// The private part leaves memory and disk; a tombstone stays, so that the key cannot come back by import.
    aip::Status retire(std::string_view fingerprint, const aip::Call& call);
    aip::Outcome<aip::Secret> exportPrivate(std::string_view fingerprint, const aip::Call& call);

private:
    struct Entry {
        aip::HeldKey held;
        std::shared_ptr<const SigningKey> key;  ///< null once retired
        std::string header;                     ///< of its file: while that is the same, the file need not be opened again
    };
    using Entries = std::map<std::string, Entry, std::less<>>;

    aip::Outcome<Entry> load(const std::string& name, const aip::Call& call) const;
    [[nodiscard]] std::optional<Entry> unchanged(const KeyFile& file) const;
    aip::Status loadNew(const aip::Call& call);
    aip::Status reloadIfShared(const aip::Call& call);
    [[nodiscard]] std::shared_ptr<const SigningKey> lookUp(std::string_view fingerprint, bool& retired) const;
    aip::Outcome<std::shared_ptr<const SigningKey>> keyFor(std::string_view fingerprint, const aip::Call& call);
    aip::Outcome<aip::HeldKey> keep(const std::shared_ptr<const SigningKey>& key, const aip::Call& call);

    const aip::Host& host_;
    const KeyFolder& folder_;
    Sealer& sealer_;
    Settings settings_;
    std::mutex writing_;  ///< one change of the directory at a time
    mutable std::shared_mutex mutex_;
    Entries entries_;
};

/// The fingerprint that a file of a KeyStore is named after; empty for any other name.
[[nodiscard]] std::string_view fingerprintIn(std::string_view name);

}  // namespace agentidp::keystore
