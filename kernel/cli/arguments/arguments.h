#pragma once
/// @file kernel/cli/arguments/arguments.h
/// The words behind a verb such as `agentidp audit verify`: flags, options with a value, and nothing else.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"

namespace agentidp::cli {

struct Arguments {
    std::set<std::string> flags;
    std::map<std::string, std::string> values;
    std::vector<std::string> rest;

    [[nodiscard]] bool has(const std::string& flag) const { return flags.contains(flag); }
    [[nodiscard]] std::string value(const std::string& option, const std::string& otherwise = {}) const {
        const auto found = values.find(option);
        return found == values.end() ? otherwise : found->second;
    }
    /// Errc::Invalid names the first word that is neither in `flags` nor an option of `options` with its value. `--a=b` is `--a b`.
    static base::Result<Arguments> read(const std::vector<std::string>& words, const std::set<std::string>& flags,
                                        const std::set<std::string>& options);
};

}  // namespace agentidp::cli
