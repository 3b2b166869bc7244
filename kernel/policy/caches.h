#pragma once
/// @file kernel/policy/caches.h
/// What a script keeps between its calls: compiled patterns and counters. Bounded. Private to this room. Any thread.
#include <re2/re2.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agentidp::policy::sandbox {

class Patterns {
public:
    /// Compiled before, or nothing. The pointer lives as long as the script.
    [[nodiscard]] std::optional<const re2::RE2*> find(std::string_view pattern) const;
    /// Nothing where there are too many. A wrong pattern is kept too, so that it is compiled once.
    [[nodiscard]] std::optional<const re2::RE2*> compile(std::string_view pattern, bool anySize, bool anyCount);

private:
    mutable std::mutex mutex_;
    std::unordered_map<std::string, std::unique_ptr<re2::RE2>> compiled_;
};

/// Sums within fixed windows of time. They are this process's own, and begin anew with each generation.
class Counters {
public:
    /// Adds `n`; the sum of the window `now` falls into. Nothing where there are too many counters, all of them still counting.
    [[nodiscard]] std::optional<std::int64_t> add(std::string_view name, std::int64_t n, std::int64_t now, std::int64_t window,
                                                  bool anyCount);

private:
    struct Count {
        std::int64_t ends = 0;
        std::int64_t sum = 0;
    };
    std::mutex mutex_;
    std::unordered_map<std::string, Count> counts_;
};

}  // namespace agentidp::policy::sandbox
