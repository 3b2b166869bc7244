#pragma once
/// @file kernel/registry/ruling.h
/// What a registry rule decides: what is to be written, and what is to be said once that is durable.
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/secret.h"
#include "model/answer.h"
#include "model/caller.h"
#include "model/mutation.h"
#include "model/problem.h"

namespace agentidp::registry {

/// A new secret for the secret store, at a path of its own.
struct SecretToKeep {
    std::string path;
    base::Secret secret;
};

struct SecretChanges {
    /// To be kept before the mutation is written, which names their paths; forgotten again if it cannot be.
    std::vector<SecretToKeep> keep;
    /// Paths that no row names once the mutation is written.
    std::vector<std::string> forget;
};

struct Ruling {
    /// Empty for reads. A refusal may carry events too (access.refused), never changes.
    model::Mutation mutation;
    std::variant<model::Answer, model::Problem> outcome;
    SecretChanges secrets = {};
    [[nodiscard]] bool ok() const { return outcome.index() == 0; }
};

class Policy;

/// Who asks for what, under which condition.
struct Asker {
    const model::Caller& caller;
    const model::Origin& origin;
    std::string_view ifMatch = {};  ///< the If-Match field; empty: unconditional
    Policy* policy = nullptr;       ///< the hooks of this request (registry/ports.h); null: none
};

/// What the refusal says when the ledger could not apply a ruling's mutation: Conflict and Exists are 409, except that a
/// conflict under If-Match is 412.
[[nodiscard]] model::Problem problemOfCommit(const base::Error& error, bool conditional);

/// The ETag of a row version (RFC 9110 section 8.8.3), quoted.
[[nodiscard]] std::string etagOf(std::int64_t rowVersion);
/// Strong comparison of an If-Match field; `*` and the empty field match everything.
[[nodiscard]] bool ifMatchHolds(std::string_view field, std::int64_t rowVersion);

}  // namespace agentidp::registry
