#include "keys/rotation.h"

#include <algorithm>
#include <tuple>

namespace agentidp::keys {
namespace {

using model::KeyState;
using model::SigningKey;
using Kind = Transition::Kind;

/// The key that will sign next: the first that was made, so that every replica picks the same.
const SigningKey* nextAmong(const std::vector<SigningKey>& keys) {
    const SigningKey* next = nullptr;
    for (const auto& key : keys) {
        if (key.compromised || (key.state != KeyState::Pending && key.state != KeyState::Published)) continue;
        const bool earlier = next == nullptr || std::tie(key.createdAt, key.kid) < std::tie(next->createdAt, next->kid);
        if (earlier) next = &key;
    }
    return next;
}

bool isDue(base::Instant now, const SigningKey& active, const KeyPolicy& policy) {
    if (active.alg != crypto::nameOf(policy.alg) || active.plugin != policy.plugin) return true;
    return policy.rotateAfter.count() > 0 && active.activatedAt.value_or(active.createdAt) + policy.rotateAfter <= now;
}

void decideNext(base::Instant now, const SigningKey& next, const SigningKey* active, const KeyPolicy& policy, Wish wish,
                std::vector<Transition>& out) {
    const bool atOnce = active == nullptr || wish == Wish::RotateNow;
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
        const bool over = key.state == KeyState::Retiring && key.retiringAt.value_or(now) + policy.grace <= now;
        if (key.compromised || over)
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
        if ((left == active) != (right == active)) return left == active;
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

std::vector<Transition> decide(base::Instant now, const std::vector<SigningKey>& keys, const KeyPolicy& policy, Wish wish) {
    std::vector<Transition> out;
    const auto* active = activeAmong(keys);
    const auto* next = nextAmong(keys);
    if (next != nullptr)
        decideNext(now, *next, active, policy, wish, out);
    else if (active == nullptr || wish == Wish::RotateNow)
        out.push_back({Kind::Generate, {}, now, false});
    else if (wish == Wish::Rotate || isDue(now, *active, policy))
        out.push_back({Kind::Generate, {}, {}, false});
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
            break;
        case Kind::Activate:
            key.state = KeyState::Active;
            key.activatedAt = now;
            break;
        case Kind::Retire:
            key.state = KeyState::Retiring;
            key.retiringAt = now;
            break;
        case Kind::Remove:
            if (key.state != KeyState::Gone) key.goneAt = now;
            key.state = KeyState::Gone;
            key.compromised = key.compromised || transition.compromised;
            break;
    }
    return key;
}

}  // namespace agentidp::keys
