#include <algorithm>

#include "cli/invocation.h"

namespace agentidp::cli {

int runConfig(const Invocation& invocation) {
    if (invocation.words != std::vector<std::string>{"show"}) return refuse("config show", kMisuse);
    const auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    const auto shown = config::redacted(loaded->settings);
    if (invocation.json()) {
        base::json::Array rows;
        for (const auto& row : shown) rows.emplace_back(base::json::Object{{"key", row.key}, {"value", row.value}, {"origin", row.origin}});
        std::cout << base::json::write(rows) << "\n";
        return kDone;
    }
    std::size_t width = 0;
    for (const auto& row : shown) width = std::max(width, row.key.size());
    for (const auto& row : shown)
        std::cout << row.key << std::string(width - row.key.size(), ' ') << " = " << row.value << "  (" << row.origin << ")\n";
    for (const auto& notice : loaded->notices) std::cout << "note: " << notice.variable << ": " << notice.text << "\n";
    return kDone;
}

}  // namespace agentidp::cli
