#include "server/cache_follower.h"

#include "store/revocations.h"

namespace agentidp::server {
namespace {

bool isOfKeys(model::Action action) {
    return action == model::Action::KeyPublished || action == model::Action::KeyActivated || action == model::Action::KeyRetired;
}

bool isOfHooks(model::Action action) {
    return action == model::Action::HookReloaded || action == model::Action::HookRolledBack || action == model::Action::HookModeChanged;
}

bool isFollowed(model::Action action) {
    return Directory::follows(action) || action == model::Action::TokenRevoked || isOfKeys(action) || isOfHooks(action);
}

}  // namespace

std::vector<model::Action> CacheFollower::actions() {
    std::vector<model::Action> followed;
    for (const auto action : {
#define AGENTIDP_AUDIT_ACTION(number, id, name) model::Action::id,
#include "model/audit_actions.def"
#undef AGENTIDP_AUDIT_ACTION
         })
        if (isFollowed(action)) followed.push_back(action);
    return followed;
}

base::Result<void> CacheFollower::take(std::span<const model::AuditEvent> events) {
    std::vector<model::Jti> revoked;
    bool keys = false, hooks = false;
    for (const auto& event : events) {
        rooms_.directory.onEvent(event);
        if (event.action == model::Action::TokenRevoked) revoked.emplace_back(event.jti);
        keys = keys || isOfKeys(event.action);
        hooks = hooks || isOfHooks(event.action);
    }
    if (keys) rooms_.keysChanged();
    if (hooks && rooms_.hooksChanged) rooms_.hooksChanged();
    auto rows = store::findRevocations(rooms_.storage, rooms_.clock, revoked);
    if (!rows) return std::move(rows).error();
    for (const auto& row : *rows) rooms_.revocations.add(row.jti.str(), row.expiresAt);
    return {};
}

}  // namespace agentidp::server
