#pragma once
/// @file kernel/keys/rotation.h
/// When signing keys change state, as pure functions: pending -> published -> active -> retiring -> gone. The first key signs
/// at once, since nobody can have cached a JWKS without it; each later one is published for the JWKS max-age before it signs,
/// and stays published for its grace after it stopped. Everything that was decided is in the rows, so a crash between two
/// steps is resumed by deciding again. A pinned key (one the configuration names) takes the same way, and never ages. Any thread.
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "crypto/key.h"
#include "model/signing_key.h"

namespace agentidp::keys {

/// The name under which a row is held by no plugin: the configuration has its private part.
inline constexpr std::string_view kPinnedHolder = "pinned";

/// The key that is to sign because the configuration says so.
struct Pin {
    enum class Activation {
        Wait,  ///< as every other key, after the JWKS max-age
        Now
    };
    std::string fingerprint;  ///< RFC 7638 thumbprint
    std::string kid;          ///< what its JWK calls it; empty: any row of this fingerprint is it
    Activation activation = Activation::Wait;
};

struct KeyPolicy {
    crypto::Algorithm alg = crypto::Algorithm::Es256;
    std::string plugin;  ///< `keys.plugin`: what holds new keys
    base::seconds jwksMaxAge{3600};
    base::seconds grace{86400};        ///< at least the longest lifetime of a token
    std::chrono::days rotateAfter{0};  ///< 0: only on demand
    std::optional<Pin> pin;            ///< while it is set, `plugin`, `rotateAfter` and wishes choose no key
};

struct Transition {
    enum class Kind {
        Generate,  ///< make a key and record it as pending
        Publish,   ///< pending -> published; for a pinned key that is configured again, retiring or gone -> published
        Activate,  ///< published -> active; whatever was active before retires in the same step
        Retire,    ///< active -> retiring, where more than one is active
        Remove     ///< any -> gone: out of the JWKS, and the plugin never signs with it again
    };
    Kind kind = Kind::Generate;
    model::KeyId kid;                          ///< empty for Generate
    std::optional<base::Instant> activatesAt;  ///< Publish: when it may sign. Generate: set where it need not wait
    bool compromised = false;                  ///< Remove only
    bool operator==(const Transition&) const = default;
};

/// What somebody asked for, beyond what time asks for.
enum class Wish {
    None,
    Rotate,
    RotateNow,
    RotateUnlessFresh  ///< nothing, where a key was made within the JWKS max-age: for what every start of every replica asks
};

/// What may be done now, in order. Do it, read the rows again, ask again (without the wish) until nothing is left. A change of
/// algorithm, plugin or pin is a rotation. A key that waits and that the policy no longer wants leaves when its time has come: a
/// replica that is configured otherwise does not take it away before. A pin whose key is compromised is as if it were not set.
[[nodiscard]] std::vector<Transition> decide(base::Instant now, const std::vector<model::SigningKey>& keys, const KeyPolicy& policy,
                                             Wish wish = Wish::None);

enum class Compromise { No, Yes };
/// For `keys retire`. NotFound: no such kid. Conflict: it signs now and is not compromised: rotate first. Nothing to do for a
/// key that is gone already.
[[nodiscard]] base::Result<std::vector<Transition>> decideRetirement(const std::vector<model::SigningKey>& keys, const model::KeyId& kid,
                                                                     Compromise compromise);

/// The row as it is after the transition (not for Generate).
[[nodiscard]] model::SigningKey after(model::SigningKey key, const Transition& transition, base::Instant now);

/// The row of the pinned key, compromised or not; null where there is no pin, or none yet.
[[nodiscard]] const model::SigningKey* pinnedAmong(const std::vector<model::SigningKey>& keys, const KeyPolicy& policy);
/// The key that signs; null if none may.
[[nodiscard]] const model::SigningKey* activeAmong(const std::vector<model::SigningKey>& keys);
/// The keys a verifier should know, signing key first, then those to come, then those that retire, newest first.
[[nodiscard]] std::vector<const model::SigningKey*> publishedAmong(const std::vector<model::SigningKey>& keys);
/// True while a key held by `plugin` signs or will sign: until then `keys.previous` must stay.
[[nodiscard]] bool isNeeded(const std::vector<model::SigningKey>& keys, std::string_view plugin);

}  // namespace agentidp::keys
