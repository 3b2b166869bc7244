#pragma once
/// @file kernel/plugin/check/secrets_steps.h
/// What every secrets plugin keeps: the promises of aip_secrets_ops as runnable cases.
#include <string>
#include <vector>

#include "base/clock.h"
#include "plugin/contract/case.h"
#include "plugin/secret_store.h"

namespace agentidp::plugin::check {

struct SecretsSubject {
    SecretStore* store = nullptr;
    const base::Clock* clock = nullptr;
    std::string prefix;  ///< of every path; chosen afresh for each run. What is put below it is removed again
};

[[nodiscard]] std::vector<contract::Case<SecretsSubject>> secretsContract();

}  // namespace agentidp::plugin::check
