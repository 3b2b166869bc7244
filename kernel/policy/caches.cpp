#include "policy/caches.h"

#include "policy/sandbox.h"

namespace agentidp::policy::sandbox {
namespace {

constexpr std::int64_t kPatternMemory = 256 << 10;  ///< of one compiled pattern and its automata

}  // namespace

std::optional<const re2::RE2*> Patterns::find(std::string_view pattern) const {
    const std::lock_guard lock(mutex_);
    const auto found = compiled_.find(std::string(pattern));
    if (found == compiled_.end()) return std::nullopt;
    return found->second.get();
}

std::optional<const re2::RE2*> Patterns::compile(std::string_view pattern, bool anySize, bool anyCount) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(anySize ? std::int64_t{1} << 30 : kPatternMemory);
    auto made = std::make_unique<re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
    const std::lock_guard lock(mutex_);
    if (compiled_.size() >= kMostPatterns && !anyCount) return std::nullopt;
    return compiled_.try_emplace(std::string(pattern), std::move(made)).first->second.get();
}

std::optional<std::int64_t> Counters::add(std::string_view name, std::int64_t n, std::int64_t now, std::int64_t window, bool anyCount) {
    const std::lock_guard lock(mutex_);
    auto found = counts_.find(std::string(name));
    if (found == counts_.end()) {
        if (n == 0) return 0;
        if (counts_.size() >= kMostCounters && !anyCount) {
            std::erase_if(counts_, [&](const auto& entry) { return entry.second.ends <= now; });
            if (counts_.size() >= kMostCounters) return std::nullopt;
        }
        found = counts_.try_emplace(std::string(name)).first;
    }
    auto& count = found->second;
    if (count.ends <= now) count = {now - now % window + window, 0};
    count.sum += n;
    return count.sum;
}

Environment makeEnvironment(std::string file, std::shared_ptr<const Documents> documents, const Removed& removed) {
    Environment made;
    made.file = std::move(file);
    made.documents = documents ? std::move(documents) : std::make_shared<const Documents>();
    made.removed = removed;
    made.patterns = std::make_shared<Patterns>();
    made.counters = std::make_shared<Counters>();
    return made;
}

}  // namespace agentidp::policy::sandbox
