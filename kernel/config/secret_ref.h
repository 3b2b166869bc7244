#pragma once
/// @file kernel/config/secret_ref.h
/// Secrets are named, not written: `file:PATH`, `cred:NAME` (a systemd credential), `env:NAME`.
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "config/environment.h"

namespace agentidp::config {

/// True for a text of one of the three forms with something after the colon; it says nothing about what is there.
[[nodiscard]] bool isSecretReference(std::string_view text);

inline constexpr std::size_t kMaxSecretBytes = std::size_t{64} * 1024;

/// Reads what references name. Any thread; each call reads anew, so a replaced file is seen.
class SecretResolver {
public:
    /// `$CREDENTIALS_DIRECTORY` of `environment` is where `cred:` looks.
    explicit SecretResolver(Environment environment) : environment_(std::move(environment)) {}

    /// One trailing line end is dropped. Errors: Invalid (not a reference; empty; a file that others may read and that is not in the
    /// credentials directory), NotFound, TooLarge (over 64 KB), Unavailable (it cannot be read). Hints name the reference, never
    /// what it holds.
    [[nodiscard]] base::Result<base::Secret> resolve(std::string_view reference) const;

private:
    Environment environment_;
};

}  // namespace agentidp::config
