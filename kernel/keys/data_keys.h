#pragma once
/// @file kernel/keys/data_keys.h
/// The keys the kernel made for itself: peppers of client secrets, the MAC key of cursors, the key that signs checkpoints,
/// the key of encrypted columns. Random, wrapped by the keys plugin with `purpose:id` as associated data, stored in data_keys,
/// unwrapped into locked memory at start. Nothing here calls out afterwards; every use is safe from any thread at once.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "plugin/keys.h"
#include "plugin/storage.h"

namespace agentidp::keys {

/// HMAC-SHA-256 under one of several peppers. New secrets get the newest; old credentials name theirs.
class Peppers {
public:
    [[nodiscard]] const std::string& currentId() const { return current_; }
    /// NotFound: no such pepper is held. The cost does not depend on the secret beyond its length.
    [[nodiscard]] base::Result<crypto::Digest256> mac(std::string_view pepperId, base::BytesView secret) const;

private:
    friend class DataKeys;
    std::map<std::string, crypto::HmacSha256, std::less<>> byId_;
    std::string current_;
};

/// Signs checkpoint notes (Ed25519, RFC 8032).
class CheckpointSigner {
public:
    [[nodiscard]] base::Result<base::Bytes> sign(base::BytesView note) const { return key_.sign(crypto::Algorithm::EdDsa, note); }
    [[nodiscard]] const crypto::PublicKey& publicKey() const { return key_.publicKey(); }
    /// Of the data key: changes when the key does.
    [[nodiscard]] const std::string& id() const { return id_; }

private:
    friend class DataKeys;
    CheckpointSigner(crypto::PrivateKey key, std::string id) : key_(std::move(key)), id_(std::move(id)) {}
    crypto::PrivateKey key_;
    std::string id_;
};

class DataKeys {
public:
    enum class Access {
        Keep,  ///< makes what is missing, moves what `previous` wrapped
        Look   ///< changes nothing: NotFound where keys are still to be made
    };
    struct Sources {
        plugin::Storage& storage;
        plugin::Keys& keys;
        plugin::Keys* previous = nullptr;  ///< `keys.previous`
        const base::Clock& clock;
        Access access = Access::Keep;
    };
    /// Makes what is missing (replicas on one empty store agree: a lock and a second look), moves what `previous` wrapped to
    /// `keys`, unwraps everything. Blocks on both plugins. Any key that does not unwrap refuses all of them: the hint names the
    /// key and the settings keys.plugin and keys.previous.
    static base::Result<std::unique_ptr<const DataKeys>> open(const Sources& sources);

    [[nodiscard]] const Peppers& peppers() const { return peppers_; }
    [[nodiscard]] const crypto::HmacSha256& cursorKey() const { return *cursor_; }
    [[nodiscard]] const CheckpointSigner& checkpoint() const { return *checkpoint_; }
    [[nodiscard]] const crypto::Aead& columns() const { return *columns_; }
    /// How many `open` moved from the previous plugin.
    [[nodiscard]] std::size_t moved() const { return moved_; }

private:
    DataKeys() = default;
    base::Result<void> take(const std::string& purpose, const std::string& id, base::BytesView key);

    Peppers peppers_;
    std::optional<crypto::HmacSha256> cursor_;
    std::optional<CheckpointSigner> checkpoint_;
    std::optional<crypto::Aead> columns_;
    std::size_t moved_ = 0;
};

}  // namespace agentidp::keys
