#pragma once
/// @file kernel/base/strong.h
/// Distinct strings as distinct types: a ClientId is not a Jti, and the compiler knows.
#include <compare>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>

namespace agentidp::base {

/// A string with a meaning. `Tag` is an empty struct that names it. Compared as bytes, never folded or normalised.
template <class Tag>
class Strong {
public:
    Strong() = default;
    explicit Strong(std::string text) : text_(std::move(text)) {}
    explicit Strong(std::string_view text) : text_(text) {}
    explicit Strong(const char* text) : text_(text) {}

    [[nodiscard]] const std::string& str() const { return text_; }
    [[nodiscard]] bool empty() const { return text_.empty(); }
    auto operator<=>(const Strong&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 takes its zero for a pointer

private:
    std::string text_;
};

template <class Tag>
std::ostream& operator<<(std::ostream& out, const Strong<Tag>& value) {
    return out << value.str();
}

}  // namespace agentidp::base

template <class Tag>
struct std::hash<agentidp::base::Strong<Tag>> {
    size_t operator()(const agentidp::base::Strong<Tag>& value) const { return std::hash<std::string>{}(value.str()); }
};
