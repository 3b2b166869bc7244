#pragma once
/// @file kernel/observe/log.h
/// Log lines: one JSON object a line, an id from messages.def, values in fields. Never a secret, a token, or an
/// Authorization header; field texts are escaped so that no value can begin a line of its own.
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace agentidp::observe {

enum class Level { Debug, Info, Warn, Error };

enum class Message {
#define AGENTIDP_MESSAGE(id, level, text, operatorText) id,
#include "observe/messages.def"
#undef AGENTIDP_MESSAGE
};

struct Field {
    std::string_view name;
    std::variant<std::string_view, std::int64_t, double, bool> value;

    Field(std::string_view name, std::string_view value) : name(name), value(value) {}
    Field(std::string_view name, const std::string& value) : name(name), value(std::string_view(value)) {}
    Field(std::string_view name, const char* value) : name(name), value(std::string_view(value)) {}
    Field(std::string_view name, std::int64_t value) : name(name), value(value) {}
    Field(std::string_view name, int value) : name(name), value(std::int64_t{value}) {}
    Field(std::string_view name, std::size_t value) : name(name), value(static_cast<std::int64_t>(value)) {}
    Field(std::string_view name, double value) : name(name), value(value) {}
    Field(std::string_view name, bool value) : name(name), value(value) {}
};

/// Any thread. Writing never blocks for long and never fails the caller: a line that cannot be written is counted as dropped.
class Log {
public:
    virtual ~Log() = default;
    virtual void write(Message message, std::initializer_list<Field> fields = {}) = 0;
    /// Lines lost since the start.
    [[nodiscard]] virtual std::uint64_t dropped() const { return 0; }
};

[[nodiscard]] std::string_view nameOf(Message message);
[[nodiscard]] std::string_view textOf(Message message);
[[nodiscard]] Level levelOf(Message message);

}  // namespace agentidp::observe
