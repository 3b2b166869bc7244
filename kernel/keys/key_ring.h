#pragma once
/// @file kernel/keys/key_ring.h
/// The signing keys of this installation: which one signs, which ones verify, what the JWKS says. Reading takes no lock;
/// changes go through the ledger (row and event in one transaction) and are decided by keys/rotation.h. Several replicas may
/// run tick() at once: a step that another one took first is a Conflict, after which the rows are read again.
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audit/ledger.h"
#include "base/clock.h"
#include "base/result.h"
#include "jose/jws.h"
#include "keys/pinned.h"
#include "keys/published.h"
#include "keys/rotation.h"
#include "keys/signer.h"
#include "observe/log.h"
#include "plugin/keys.h"
#include "plugin/storage.h"

namespace agentidp::keys {

/// Everything a request needs to know of the keys, at one moment.
struct KeySnapshot {
    std::shared_ptr<const Signer> active;  ///< null: none may sign
    std::shared_ptr<const Signer> before;  ///< signed until the last change: for a request that began before it
    std::unordered_map<std::string, jose::VerificationKey> byKid;
    std::string jwks;  ///< {"keys":[...]}, the signing key first
    std::string etag;  ///< strong, quoted

    /// Null for a kid that nobody should trust: unknown, gone, compromised.
    [[nodiscard]] const jose::VerificationKey* find(std::string_view kid) const;
};

struct ActiveKey {
    model::KeyId kid;
    crypto::Algorithm alg = crypto::Algorithm::Es256;
    KeySource source = KeySource::Generated;
    bool local = true;    ///< the private part is in this process
    bool blocks = false;  ///< sign() belongs on the blocking pool
};

class KeyRing {
public:
    struct Backends {
        plugin::Storage& storage;
        audit::Ledger& ledger;
        plugin::Keys& keys;
        plugin::Keys* previous = nullptr;  ///< `keys.previous`
        const base::Clock& clock;
        observe::Log& log;
    };
    struct Settings {
        KeyPolicy policy;
        /// What signs wherever it is set, its alg being the policy's. With Activation::Wait a copy wrapped by the keys plugin stands
        /// in signing_keys until the key stops signing, so that a start with another pin has somebody who signs meanwhile; with
        /// Activation::Now it is in memory only.
        std::optional<PinnedKey> pinned;
        Pin::Activation pinActivation = Pin::Activation::Wait;
        std::string generatedKids;        ///< "dev-key-": dev-key-1, dev-key-2, ...; empty: RFC 7638 thumbprints
        std::string pinnedKids;           ///< the same for a pinned key that has no name of its own
        std::uint32_t verifySample = 64;  ///< one in so many local signatures is verified; 1 is each
    };
    /// All backends outlive the ring.
    KeyRing(Backends backends, Settings settings);

    // Hot path: any thread, never blocks on the ring itself.
    [[nodiscard]] std::shared_ptr<const KeySnapshot> snapshot() const { return snapshot_.get(); }
    /// Unavailable: no key may sign now.
    [[nodiscard]] base::Result<ActiveKey> activeKey() const;
    /// A JWS signature value by exactly that key, which must be active, or have been until the last change. Remote signatures
    /// are verified each, local ones as sampled. Conflict: that key signs no more. Unavailable: the signature cannot be had.
    [[nodiscard]] base::Result<base::Bytes> sign(const model::KeyId& kid, base::BytesView data) const;
    /// Verifies a token of ours: kid, alg, signature; not its claims. Errors of jose::verifyJws.
    [[nodiscard]] base::Result<jose::Jws> verify(std::string_view token) const;
    /// False once the key is gone or compromised.
    [[nodiscard]] bool trusts(std::string_view kid) const { return snapshot()->find(kid) != nullptr; }

    // Slow path: any thread that may block, one at a time; never the ledger's own thread.
    /// At start: makes the first key if there is none, finishes what a crash left, and fails unless a key can sign. Invalid: the
    /// pinned key was retired as compromised, or calls itself by another key's name.
    base::Result<void> ensureFirstKey();
    /// What time has made due. Answers how many steps were taken.
    base::Result<std::size_t> tick();
    /// Reads the rows again: after another replica's key events.
    base::Result<void> reload();
    /// A new key: published now, signing after the JWKS max-age, or now; where one waits already, that one. Answers the key, whose
    /// activatesAt or activatedAt says when it signs. `actor` goes into the events. Conflict: a pinned key signs.
    base::Result<model::SigningKey> rotate(Wish wish, const std::string& actor);
    base::Result<void> retire(const model::KeyId& kid, Compromise compromise, const std::string& actor);
    /// Every key, oldest first, as storage knows it.
    [[nodiscard]] base::Result<std::vector<model::SigningKey>> list() const;
    /// After a reload: tick() does what follows from it. An error changes nothing; Invalid as for ensureFirstKey().
    base::Result<void> configure(Settings settings);

private:
    using Rows = std::vector<model::SigningKey>;
    /// Lost: another replica was first.
    enum class Outcome { Done, Lost };
    base::Result<std::size_t> settle(Wish wish, const std::string& actor);
    base::Result<std::size_t> performAll(Rows& rows, const std::vector<Transition>& transitions, const std::string& actor);
    base::Result<Outcome> generate(const Rows& rows, const Transition& transition);
    base::Result<Outcome> change(Rows& rows, const Transition& transition, const std::string& actor);
    base::Result<plugin::HeldKey> adoptOrMake(const Rows& rows) const;
    [[nodiscard]] base::Result<model::SigningKey> rowForGenerated(const Rows& rows) const;
    [[nodiscard]] base::Result<model::SigningKey> rowForPinned(const Rows& rows) const;
    [[nodiscard]] model::SigningKey newRow(const jose::VerificationKey& key, std::string holder) const;
    [[nodiscard]] bool isPinned(const model::SigningKey& key) const;
    /// True for a pinned key that signed until now and whose private part nobody has any more.
    [[nodiscard]] bool isLost(const Rows& rows);
    [[nodiscard]] bool keepsCopies() const;
    [[nodiscard]] base::Result<base::Bytes> copyOf(const crypto::PrivateKey& key, const model::SigningKey& row) const;
    base::Result<void> keepCopy(const Rows& rows);
    [[nodiscard]] base::Result<plugin::Op> guardAgainstTwins(const Rows& rows, const model::KeyId& kid) const;
    base::Result<Outcome> submit(audit::Effect effect) const;
    base::Result<Rows> rebuild();
    base::Result<std::shared_ptr<const Signer>> signerOf(const model::SigningKey& key);
    [[nodiscard]] base::Result<crypto::PrivateKey> privatePartOf(const model::SigningKey& pinned) const;
    void retireInPlugin(const model::SigningKey& key);
    void finishRetirements(const Rows& rows);
    [[nodiscard]] plugin::Keys* holderOf(std::string_view plugin) const;

    Backends backends_;
    mutable std::mutex changing_;  ///< of the next three, and one change at a time
    Settings settings_;
    std::unordered_map<std::string, std::shared_ptr<const Signer>> signers_;
    bool saidLost_ = false;
    std::atomic<std::uint32_t> verifySample_;
    Published<KeySnapshot> snapshot_;
};

}  // namespace agentidp::keys
