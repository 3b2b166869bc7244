#pragma once
/// @file kernel/plugin/secret_store.h
/// What a secrets plugin promises: client secrets kept in another system. At most one is loaded.
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "plugin/call.h"

namespace agentidp::plugin {

class SecretStore {
public:
    virtual ~SecretStore() = default;
    /// Answers the version that now is the newest.
    virtual base::Result<std::string> put(std::string_view path, const base::Secret& secret, const Call& call) = 0;
    /// `version` empty: the newest.
    virtual base::Result<base::Secret> get(std::string_view path, std::string_view version, const Call& call) = 0;
    virtual base::Result<void> remove(std::string_view path, const Call& call) = 0;
    virtual base::Result<std::vector<std::string>> versions(std::string_view path, const Call& call) = 0;
};

}  // namespace agentidp::plugin
