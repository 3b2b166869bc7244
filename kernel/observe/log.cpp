#include "observe/log.h"

#include <array>

namespace agentidp::observe {
namespace {

struct Row {
    std::string_view name;
    std::string_view text;
    Level level;
};

constexpr std::array kRows{
#define AGENTIDP_MESSAGE(id, level, text, operatorText) Row{#id, text, Level::level},
#include "observe/messages.def"
#undef AGENTIDP_MESSAGE
};

const Row& rowOf(Message message) { return kRows.at(static_cast<std::size_t>(message)); }

}  // namespace

std::string_view nameOf(Message message) { return rowOf(message).name; }
std::string_view textOf(Message message) { return rowOf(message).text; }
Level levelOf(Message message) { return rowOf(message).level; }

}  // namespace agentidp::observe
