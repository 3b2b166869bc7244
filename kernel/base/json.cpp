#include "base/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/text.h"

namespace agentidp::base::json {
namespace {

/// Builds our values from nlohmann's events and refuses what the lexer alone would let pass.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
public:
    explicit Builder(std::size_t maxDepth) : maxDepth_(maxDepth) {}

    bool null() override { return add(Value()); }
    bool boolean(bool flag) override { return add(Value(flag)); }
    bool number_integer(number_integer_t number) override { return add(Value(std::int64_t{number})); }
    bool number_unsigned(number_unsigned_t number) override {
        if (number <= static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max()))
            return add(Value(static_cast<std::int64_t>(number)));
        return add(Value(static_cast<double>(number)));
    }
    bool number_float(number_float_t number, const string_t&) override { return add(Value(number)); }
    bool string(string_t& text) override { return add(Value(std::move(text))); }
    bool binary(binary_t&) override { return refuse("binary values are not JSON"); }
    bool start_object(std::size_t) override { return open(Value(Object{})); }
    bool start_array(std::size_t) override { return open(Value(Array{})); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        auto& frame = stack_.back();
        const auto& before = *frame.value.asObject();
        bool twice = false;
        if (before.size() < kFew) {
            twice = std::any_of(before.begin(), before.end(), [&](const Member& member) { return member.first == name; });
        } else {
            if (frame.names.empty())
                for (const auto& member : before) frame.names.insert(member.first);
            twice = !frame.names.insert(name).second;
        }
        if (twice) return refuse("a member name occurs twice");
        frame.pending = std::move(name);
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& why) override {
        constexpr int kOutOfRange = 406;  // nlohmann's number for it
        if (why.id == kOutOfRange) return refuse("a number is out of range");
        return refuse("not valid JSON at byte " + std::to_string(position));
    }

    Value root;
    std::string problem;

private:
    struct Frame {
        Value value;
        std::string pending;
        std::unordered_set<std::string> names;  ///< of `value`, once it has more than a few
    };
    static constexpr std::size_t kFew = 16;

    bool refuse(std::string why) {
        if (problem.empty()) problem = std::move(why);
        return false;
    }
    bool open(Value container) {
        if (stack_.size() >= maxDepth_) return refuse("nested deeper than " + std::to_string(maxDepth_));
        stack_.push_back(Frame{std::move(container), {}, {}});
        return true;
    }
    bool close() {
        Value done = std::move(stack_.back().value);
        stack_.pop_back();
        return add(std::move(done));
    }
    bool add(Value value) {
        if (stack_.empty()) {
            root = std::move(value);
        } else if (auto* items = stack_.back().value.asArray()) {
            items->push_back(std::move(value));
        } else {
            stack_.back().value.asObject()->emplace_back(std::move(stack_.back().pending), std::move(value));
        }
        return true;
    }

    std::size_t maxDepth_;
    std::vector<Frame> stack_;
};

void writeTo(std::string& out, const Value& value, int indent, int depth) {
    const auto newline = [&](int level) {
        if (indent > 0) out.append("\n").append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(level), ' ');
    };
    if (const auto* flag = value.asBool()) {
        out += *flag ? "true" : "false";
    } else if (const auto* whole = value.asInt()) {
        out += std::to_string(*whole);
    } else if (const auto* number = value.asDouble()) {
        out += ecmaNumber(*number);
    } else if (const auto* text = value.asText()) {
        appendQuoted(out, *text);
    } else if (const auto* items = value.asArray()) {
        out.push_back('[');
        for (std::size_t i = 0; i < items->size(); ++i) {
            if (i != 0) out.push_back(',');
            newline(depth + 1);
            writeTo(out, (*items)[i], indent, depth + 1);
        }
        if (!items->empty()) newline(depth);
        out.push_back(']');
    } else if (const auto* members = value.asObject()) {
        out.push_back('{');
        for (std::size_t i = 0; i < members->size(); ++i) {
            if (i != 0) out.push_back(',');
            newline(depth + 1);
            appendQuoted(out, (*members)[i].first);
            out += indent > 0 ? ": " : ":";
            writeTo(out, (*members)[i].second, indent, depth + 1);
        }
        if (!members->empty()) newline(depth);
        out.push_back('}');
    } else {
        out += "null";
    }
}

/// A character that ends a line, moves the cursor or turns the reading direction for some reader of logs.
struct Unsafe {
    std::uint32_t point = 0;
    std::size_t length = 0;  ///< 0: there is none
};

Unsafe unsafeAt(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<std::uint8_t>(text[at + i]) : std::uint8_t{0}; };
    if (byte(0) == 0x7F) return {0x7F, 1};
    if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) <= 0x9F) return {byte(1), 2};
    if (byte(0) == 0xE2 && byte(1) == 0x80 && byte(2) >= 0xA8 && byte(2) <= 0xAE) return {0x2000U + (byte(2) & 0x3FU), 3};
    if (byte(0) == 0xE2 && byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9) return {0x2040U + (byte(2) & 0x3FU), 3};
    if (byte(0) == 0xEF && byte(1) == 0xBB && byte(2) == 0xBF) return {0xFEFF, 3};
    return {};
}

/// Bytes that never need an escape, by Escape.
constexpr auto kPlain = [] {
    std::array<std::array<bool, 256>, 2> plain{};
    for (std::size_t c = 0x20; c < 256; ++c) {
        const bool always = c != '"' && c != '\\';
        plain[static_cast<std::size_t>(Escape::Canonical)][c] = always;
        plain[static_cast<std::size_t>(Escape::Lines)][c] = always && c != 0x7F && c != 0xC2 && c != 0xE2 && c != 0xEF;
    }
    return plain;
}();

void appendEscaped(std::string& out, std::uint32_t point) {
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out.push_back("0123456789abcdef"[(point >> static_cast<unsigned>(shift)) & 15U]);
}

}  // namespace

const Value* Value::find(std::string_view name) const {
    const auto* members = asObject();
    if (members == nullptr) return nullptr;
    const auto found = std::find_if(members->begin(), members->end(), [&](const Member& member) { return member.first == name; });
    return found == members->end() ? nullptr : &found->second;
}

std::string Value::textOr(std::string_view name, std::string_view otherwise) const {
    const auto* member = find(name);
    const auto* text = member != nullptr ? member->asText() : nullptr;
    return text != nullptr ? *text : std::string(otherwise);
}

std::int64_t Value::intOr(std::string_view name, std::int64_t otherwise) const {
    const auto* member = find(name);
    const auto* number = member != nullptr ? member->asInt() : nullptr;
    return number != nullptr ? *number : otherwise;
}

Result<Value> parse(std::string_view text, Limits limits) {
    if (text.size() > limits.bytes) return fail(Errc::TooLarge, "JSON text is over " + std::to_string(limits.bytes) + " bytes");
    if (text.substr(0, 3) == "\xEF\xBB\xBF") return fail(Errc::Invalid, "JSON text begins with a byte order mark");
    // nlohmann takes a NUL for the end of the input, and would not look at what follows.
    if (text.find('\0') != std::string_view::npos) return fail(Errc::Invalid, "JSON text holds a NUL");
    Builder builder(limits.depth);
    const bool parsed = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
    if (!parsed || !builder.problem.empty()) return fail(Errc::Invalid, builder.problem.empty() ? "not valid JSON" : builder.problem);
    return std::move(builder.root);
}

std::string write(const Value& value) {
    std::string out;
    writeTo(out, value, 0, 0);
    return out;
}

std::string writePretty(const Value& value) {
    std::string out;
    writeTo(out, value, 2, 0);
    return out;
}

std::string ecmaNumber(double number) {
    if (!std::isfinite(number)) return "null";
    if (number == 0) return "0";
    // The shortest digits that read back the same, as ECMAScript asks; only their layout differs from to_chars'.
    std::array<char, 40> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, std::chars_format::scientific);
    std::string_view text(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
    std::string out;
    if (text.front() == '-') {
        out.push_back('-');
        text.remove_prefix(1);
    }
    const auto mark = text.find('e');
    std::string digits;
    for (const char c : text.substr(0, mark))
        if (c != '.') digits.push_back(c);
    int exponent = 0;
    auto exponentText = text.substr(mark + 1);
    if (exponentText.front() == '+') exponentText.remove_prefix(1);
    std::from_chars(exponentText.data(), exponentText.data() + exponentText.size(), exponent);
    const int count = static_cast<int>(digits.size());
    const int point = exponent + 1;
    if (count <= point && point <= 21) return out + digits + std::string(static_cast<std::size_t>(point - count), '0');
    if (0 < point && point <= 21)
        return out + digits.substr(0, static_cast<std::size_t>(point)) + "." + digits.substr(static_cast<std::size_t>(point));
    if (-6 < point && point <= 0) return out + "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
    out += digits.substr(0, 1);
    if (count > 1) out += "." + digits.substr(1);
    return out + "e" + (exponent >= 0 ? "+" : "-") + std::to_string(std::abs(exponent));
}

void appendQuoted(std::string& out, std::string_view text, Escape escape) {
    // Nearly every text needs no escape at all: one look at each byte, then one copy.
    const auto& plain = kPlain[static_cast<std::size_t>(escape)];
    std::size_t i = 0;
    while (i < text.size() && plain[static_cast<std::uint8_t>(text[i])]) ++i;
    out.push_back('"');
    std::size_t clean = 0;
    for (; i < text.size(); ++i) {
        const auto c = static_cast<std::uint8_t>(text[i]);
        if (plain[c]) continue;
        const Unsafe unsafe = escape == Escape::Lines ? unsafeAt(text, i) : Unsafe{};
        if (c >= 0x20 && c != '"' && c != '\\' && unsafe.length == 0) continue;
        out.append(text.substr(clean, i - clean));
        switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            case '\b': out += "\\b"; break;
            case '\f': out += "\\f"; break;
            default: appendEscaped(out, unsafe.length == 0 ? c : unsafe.point); i += unsafe.length == 0 ? 0 : unsafe.length - 1;
        }
        clean = i + 1;
    }
    out.append(text.substr(clean));
    out.push_back('"');
}

}  // namespace agentidp::base::json
