#include "keys/rotation.h"

#include <algorithm>
#include <tuple>

namespace agentidp::keys {
namespace {

using model::KeyState;
using model::SigningKey;
using Kind = Transition::Kind;

bool waits(const SigningKey& key) { return key.state == KeyState::Pending || key.state == KeyState::Published; }

bool isPin(const SigningKey& key, const KeyPolicy& policy) {
    return policy.pin && key.fingerprint == policy.pin->fingerprint && key.alg == crypto::nameOf(policy.alg) &&
           (policy.pin->kid.empty() || policy.pin->kid == key.kid.str());
}

bool isWanted(const SigningKey& key, const KeyPolicy& policy) {
    if (policy.pin) return isPin(key, policy);
    return key.alg == crypto::nameOf(policy.alg) && key.plugin == policy.plugin;
}

/// The key that will sign next: the first that was made, so that every replica picks the same.
const SigningKey* nextAmong(const std::vector<SigningKey>& keys, const KeyPolicy& policy) {
    const SigningKey* next = nullptr;
    for (const auto& key : keys) {
        if (key.compromised || !waits(key) || !isWanted(key, policy)) continue;
        const bool earlier = next == nullptr || std::tie(key.createdAt, key.kid) < std::tie(next->createdAt, next->kid);
        if (earlier) next = &key;
    }
    return next;
}

bool isDue(base::Instant now, const SigningKey& active, const KeyPolicy& policy) {
    if (!isWanted(active, policy)) return true;
    return !policy.pin && policy.rotateAfter.count() > 0 && active.activatedAt.value_or(active.createdAt) + policy.rotateAfter <= now;
}

bool isFresh(base::Instant now, const std::vector<SigningKey>& keys, const KeyPolicy& policy) {
    return std::any_of(keys.begin(), keys.end(), [&](const SigningKey& key) { return key.createdAt + policy.jwksMaxAge > now; });
}

enum class When { AtOnce, AfterMaxAge };

void decideNext(base::Instant now, const SigningKey& next, When when, const KeyPolicy& policy, std::vector<Transition>& out) {
    const bool atOnce = when == When::AtOnce;
    auto activatesAt = next.activatesAt;
    if (next.state == KeyState::Pending) {
        activatesAt = atOnce ? now : next.activatesAt.value_or(now + policy.jwksMaxAge);
        out.push_back({Kind::Publish, next.kid, activatesAt, false});
    }
    if (atOnce || activatesAt.value_or(now) <= now) out.push_back({Kind::Activate, next.kid, {}, false});
}

void decideEnds(base::Instant now, const std::vector<SigningKey>& keys, const KeyPolicy& policy, std::vector<Transition>& out) {
    const auto* active = activeAmong(keys);
    for (const auto& key : keys) {
        if (key.state == KeyState::Gone) continue;
        const bool unwanted = waits(key) && !isWanted(key, policy) && key.activatesAt.value_or(key.createdAt + policy.jwksMaxAge) <= now;
        const bool over = key.state == KeyState::Retiring && !isPin(key, policy) && key.retiringAt.value_or(now) + policy.grace <= now;
        if (key.compromised || over || unwanted)
            out.push_back({Kind::Remove, key.kid, {}, key.compromised});
        else if (key.state == KeyState::Active && &key != active)
            out.push_back({Kind::Retire, key.kid, {}, false});
    }
}

int rankOf(KeyState state) {
    if (state == KeyState::Active) return 0;
    return state == KeyState::Published ? 1 : 2;
}

}  // namespace

const SigningKey* activeAmong(const std::vector<SigningKey>& keys) {
    const SigningKey* active = nullptr;
    for (const auto& key : keys) {
        if (key.state != KeyState::Active || key.compromised) continue;
        if (active == nullptr || key.activatedAt > active->activatedAt) active = &key;
    }
    return active;
}

std::vector<const SigningKey*> publishedAmong(const std::vector<SigningKey>& keys) {
    std::vector<const SigningKey*> out;
    for (const auto& key : keys)
        if (!key.compromised && key.state != KeyState::Pending && key.state != KeyState::Gone) out.push_back(&key);
    const auto* active = activeAmong(keys);
    std::sort(out.begin(), out.end(), [active](const SigningKey* left, const SigningKey* right) {
        if (active != nullptr && (left == active || right == active)) return left == active && right != active;
        if (rankOf(left->state) != rankOf(right->state)) return rankOf(left->state) < rankOf(right->state);
        return std::tie(left->createdAt, left->kid) > std::tie(right->createdAt, right->kid);
    });
    return out;
}

bool isNeeded(const std::vector<SigningKey>& keys, std::string_view plugin) {
    return std::any_of(keys.begin(), keys.end(), [&](const SigningKey& key) {
        return key.plugin == plugin && !key.compromised && key.state != KeyState::Retiring && key.state != KeyState::Gone;
    });
}

const SigningKey* pinnedAmong(const std::vector<SigningKey>& keys, const KeyPolicy& policy) {
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const SigningKey& key) { return isPin(key, policy); });
    return found == keys.end() ? nullptr : &*found;
}

std::vector<Transition> decide(base::Instant now, const std::vector<SigningKey>& keys, const KeyPolicy& given, Wish wish) {
    KeyPolicy policy = given;
    const auto* pinned = pinnedAmong(keys, policy);
    if (pinned != nullptr && pinned->compromised) {
        policy.pin.reset();
        pinned = nullptr;
    }
    std::vector<Transition> out;
    const auto* active = activeAmong(keys);
    const auto* next = nextAmong(keys, policy);
    const bool pinActsNow = policy.pin && policy.pin->activation == Pin::Activation::Now;
    const auto when = active == nullptr || wish == Wish::RotateNow || pinActsNow ? When::AtOnce : When::AfterMaxAge;
    const bool asked = wish == Wish::Rotate || wish == Wish::RotateNow || (wish == Wish::RotateUnlessFresh && !isFresh(now, keys, policy));
    if (policy.pin && active != nullptr && isWanted(*active, policy)) {
        // It signs, and nothing but another pin changes that.
    } else if (next != nullptr) {
        decideNext(now, *next, when, policy, out);
    } else if (pinned != nullptr && pinned->state != KeyState::Active) {
        // A retiring key never left the JWKS, so nobody has to learn it anew.
        const bool known = when == When::AtOnce || pinned->state == KeyState::Retiring;
        out.push_back({Kind::Publish, pinned->kid, known ? now : now + policy.jwksMaxAge, false});
    } else if (active == nullptr || asked || isDue(now, *active, policy)) {
        out.push_back({Kind::Generate, {}, when == When::AtOnce ? std::optional(now) : std::nullopt, false});
    }
    decideEnds(now, keys, policy, out);
    return out;
}

base::Result<std::vector<Transition>> decideRetirement(const std::vector<SigningKey>& keys, const model::KeyId& kid,
                                                       Compromise compromise) {
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const SigningKey& key) { return key.kid == kid; });
    if (found == keys.end()) return base::fail(base::Errc::NotFound, "there is no signing key of this kid");
    if (compromise == Compromise::Yes) {
        if (found->compromised && found->state == KeyState::Gone) return std::vector<Transition>{};
        return std::vector<Transition>{{Kind::Remove, kid, {}, true}};
    }
    if (found->state == KeyState::Gone) return std::vector<Transition>{};
    if (found->state == KeyState::Active)
        return base::fail(base::Errc::Conflict, "this key signs now: rotate first, or retire it as compromised");
    return std::vector<Transition>{{Kind::Remove, kid, {}, false}};
}

SigningKey after(SigningKey key, const Transition& transition, base::Instant now) {
    switch (transition.kind) {
        case Kind::Generate: break;
        case Kind::Publish:
            key.state = KeyState::Published;
            key.publishedAt = now;
            key.activatesAt = transition.activatesAt;
            key.activatedAt = key.retiringAt = key.goneAt = std::nullopt;
            break;
        case Kind::Activate:
            key.state = KeyState::Active;
            key.activatedAt = now;
            break;
        case Kind::Retire:
            key.state = KeyState::Retiring;
            key.retiringAt = now;
            key.wrapped.reset();
            break;
        case Kind::Remove:
            if (key.state != KeyState::Gone) key.goneAt = now;
            key.state = KeyState::Gone;
            key.wrapped.reset();
            key.compromised = key.compromised || transition.compromised;
            break;
    }
    return key;
}

}  // namespace agentidp::keys
