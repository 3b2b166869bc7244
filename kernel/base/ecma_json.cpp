#include "base/ecma_json.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <system_error>
#include <unordered_set>

#include "base/text.h"

namespace agentidp::base::json {
namespace {

constexpr std::size_t kSurrogateBytes = 3;
constexpr std::int64_t kExponentBound = 1'000'000'000;

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isHighSurrogate(std::uint32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool isLowSurrogate(std::uint32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

void appendWtf8(std::string& out, std::uint32_t point) {
    const auto tail = [&](unsigned shift) { out.push_back(static_cast<char>(0x80U | ((point >> shift) & 0x3FU))); };
    if (point < 0x80) {
        out.push_back(static_cast<char>(point));
    } else if (point < 0x800) {
        out.push_back(static_cast<char>(0xC0U | (point >> 6U)));
        tail(0);
    } else if (point < 0x10000) {
        out.push_back(static_cast<char>(0xE0U | (point >> 12U)));
        tail(6);
        tail(0);
    } else {
        out.push_back(static_cast<char>(0xF0U | (point >> 18U)));
        tail(12);
        tail(6);
        tail(0);
    }
}

/// A surrogate's three bytes at `at`, as its code unit; 0 where something else stands.
std::uint32_t surrogateAt(std::string_view text, std::size_t at) {
    if (text[at] != '\xED' || at + kSurrogateBytes > text.size()) return 0;
    const auto second = static_cast<std::uint8_t>(text[at + 1]);
    const auto third = static_cast<std::uint8_t>(text[at + 2]);
    return second < 0xA0 ? 0 : 0xD000U | ((second & 0x3FU) << 6U) | (third & 0x3FU);
}

/// `text` with each surrogate replaced by what `word` says of its code unit.
template <class Word>
std::string withoutSurrogates(std::string_view text, Word word) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        if (const auto unit = surrogateAt(text, at); unit != 0) {
            out += word(unit);
            at += kSurrogateBytes;
        } else {
            out.push_back(text[at++]);
        }
    }
    return out;
}

/// The number's text is valid JSON and was found out of range: whether that is too large or too small decides the first digit's place.
double beyondRange(std::string_view text) {
    const bool negative = text.front() == '-';
    if (negative) text.remove_prefix(1);
    const auto mark = text.find_first_of("eE");
    const auto digits = text.substr(0, mark);
    const auto point = std::min(digits.find('.'), digits.size());
    const auto first = digits.find_first_of("123456789");
    if (first == std::string_view::npos) return 0;
    std::int64_t exponent = 0;
    if (mark != std::string_view::npos) {
        auto rest = text.substr(mark + 1);
        const bool minus = rest.front() == '-';
        if (minus || rest.front() == '+') rest.remove_prefix(1);
        for (const char c : rest) exponent = std::min(exponent * 10 + (c - '0'), kExponentBound);
        if (minus) exponent = -exponent;
    }
    const auto place = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first) + exponent;
    const double size = place > 0 ? std::numeric_limits<double>::infinity() : 0.0;
    return negative ? -size : size;
}

class Reader {
public:
    Reader(std::string_view text, std::size_t maxDepth) : text_(text), maxDepth_(maxDepth) {}

    Result<Value> document() {
        Value value;
        skipBlanks();
        if (!read(value, 0)) return fail(Errc::Invalid, problem_);
        skipBlanks();
        if (at_ != text_.size()) return fail(Errc::Invalid, "bytes after the JSON value at byte " + std::to_string(at_));
        return value;
    }

private:
    bool refuse(std::string why) {
        problem_ = std::move(why);
        return false;
    }
    bool malformed() { return refuse("not valid JSON at byte " + std::to_string(at_)); }
    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(char c) {
        if (peek() != c || at_ == text_.size()) return false;
        ++at_;
        return true;
    }
    void skipBlanks() {
        while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) ++at_;
    }
    bool word(std::string_view expected, Value meant, Value& out) {
        if (text_.substr(at_, expected.size()) != expected) return malformed();
        at_ += expected.size();
        out = std::move(meant);
        return true;
    }

    bool read(Value& out, std::size_t depth) {
        switch (peek()) {
            case '{': return object(out, depth);
            case '[': return array(out, depth);
            case '"': {
                std::string text;
                if (!string(text)) return false;
                out = Value(std::move(text));
                return true;
            }
            case 't': return word("true", Value(true), out);
            case 'f': return word("false", Value(false), out);
            case 'n': return word("null", Value(), out);
            default: return number(out);
        }
    }

    bool object(Value& out, std::size_t depth) {
        if (depth == maxDepth_) return refuse("nested deeper than " + std::to_string(maxDepth_));
        Object members;
        std::unordered_set<std::string> names;
        ++at_;
        skipBlanks();
        if (!take('}')) {
            for (;;) {
                std::string name;
                if (peek() != '"') return malformed();
                if (!string(name)) return false;
                if (!names.insert(name).second) return refuse("a member name occurs twice");
                skipBlanks();
                if (!take(':')) return malformed();
                skipBlanks();
                Value value;
                if (!read(value, depth + 1)) return false;
                members.emplace_back(std::move(name), std::move(value));
                skipBlanks();
                if (take('}')) break;
                if (!take(',')) return malformed();
                skipBlanks();
            }
        }
        out = Value(std::move(members));
        return true;
    }

    bool array(Value& out, std::size_t depth) {
        if (depth == maxDepth_) return refuse("nested deeper than " + std::to_string(maxDepth_));
        Array items;
        ++at_;
        skipBlanks();
        if (!take(']')) {
            for (;;) {
                Value value;
                if (!read(value, depth + 1)) return false;
                items.push_back(std::move(value));
                skipBlanks();
                if (take(']')) break;
                if (!take(',')) return malformed();
                skipBlanks();
            }
        }
        out = Value(std::move(items));
        return true;
    }

    bool digits() {
        const auto from = at_;
        while (isDigit(peek())) ++at_;
        return at_ > from;
    }

    bool number(Value& out) {
        const auto from = at_;
        take('-');
        if (!take('0') && !digits()) return malformed();
        if (take('.') && !digits()) return malformed();
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            if (!digits()) return malformed();
        }
        const auto text = text_.substr(from, at_ - from);
        double value = 0;
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
        if (parsed.ec == std::errc::result_out_of_range) value = beyondRange(text);
        out = Value(value);
        return true;
    }

    /// The four digits after `\u`.
    std::optional<std::uint32_t> unit() {
        std::uint32_t value = 0;
        const auto hex = text_.substr(at_, 4);
        const auto parsed = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
        if (hex.size() != 4 || parsed.ec != std::errc() || parsed.ptr != hex.data() + 4) return std::nullopt;
        at_ += 4;
        return value;
    }

    bool escape(std::string& out) {
        const char c = peek();
        if (at_ < text_.size()) ++at_;
        switch (c) {
            case '"':
            case '\\':
            case '/': out.push_back(c); return true;
            case 'b': out.push_back('\b'); return true;
            case 'f': out.push_back('\f'); return true;
            case 'n': out.push_back('\n'); return true;
            case 'r': out.push_back('\r'); return true;
            case 't': out.push_back('\t'); return true;
            case 'u': break;
            default: return malformed();
        }
        const auto first = unit();
        if (!first) return malformed();
        if (isHighSurrogate(*first) && text_.substr(at_, 2) == "\\u") {
            const auto back = at_;
            at_ += 2;
            const auto second = unit();
            if (second && isLowSurrogate(*second)) {
                appendWtf8(out, 0x10000U + ((*first - 0xD800U) << 10U) + (*second - 0xDC00U));
                return true;
            }
            at_ = back;
        }
        appendWtf8(out, *first);
        return true;
    }

    bool string(std::string& out) {
        ++at_;
        for (;;) {
            const auto stop = std::find_if(text_.begin() + static_cast<std::ptrdiff_t>(at_), text_.end(),
                                           [](char c) { return c == '"' || c == '\\' || static_cast<std::uint8_t>(c) < 0x20; });
            const auto end = static_cast<std::size_t>(stop - text_.begin());
            out.append(text_.substr(at_, end - at_));
            at_ = end;
            if (take('"')) return true;
            if (!take('\\')) return malformed();
            if (!escape(out)) return false;
        }
    }

    std::string_view text_;
    std::size_t maxDepth_;
    std::size_t at_ = 0;
    std::string problem_;
};

/// "An integer index [...] in the range +0 to 2^32 - 2" (ECMA-262, array index), written as ECMAScript writes it.
std::optional<std::uint32_t> arrayIndex(std::string_view name) {
    constexpr std::uint32_t kLast = 0xFFFFFFFE;
    if (name.empty() || name.size() > 10 || (name.front() == '0' && name.size() > 1)) return std::nullopt;
    std::uint32_t value = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), value);
    if (!isDigit(name.front()) || parsed.ec != std::errc() || parsed.ptr != name.data() + name.size() || value > kLast) return std::nullopt;
    return value;
}

std::vector<const Member*> ordered(const Object& members) {
    std::vector<std::pair<std::uint32_t, const Member*>> indexed;
    std::vector<const Member*> named;
    for (const auto& member : members) {
        if (const auto index = arrayIndex(member.first))
            indexed.emplace_back(*index, &member);
        else
            named.push_back(&member);
    }
    std::sort(indexed.begin(), indexed.end());
    std::vector<const Member*> all;
    all.reserve(members.size());
    for (const auto& [index, member] : indexed) all.push_back(member);
    all.insert(all.end(), named.begin(), named.end());
    return all;
}

void writeTo(std::string& out, const Value& value) {
    if (const auto* flag = value.asBool()) {
        out += *flag ? "true" : "false";
    } else if (const auto* whole = value.asInt()) {
        out += ecmaNumber(static_cast<double>(*whole));
    } else if (const auto* number = value.asDouble()) {
        out += ecmaNumber(*number);
    } else if (const auto* text = value.asText()) {
        out += quotedEcma(*text);
    } else if (const auto* items = value.asArray()) {
        out.push_back('[');
        for (std::size_t i = 0; i < items->size(); ++i) {
            if (i != 0) out.push_back(',');
            writeTo(out, (*items)[i]);
        }
        out.push_back(']');
    } else if (const auto* members = value.asObject()) {
        out.push_back('{');
        bool first = true;
        for (const auto* member : ordered(*members)) {
            if (!std::exchange(first, false)) out.push_back(',');
            out += quotedEcma(member->first);
            out.push_back(':');
            writeTo(out, member->second);
        }
        out.push_back('}');
    } else {
        out += "null";
    }
}

/// WhiteSpace and LineTerminator (ECMA-262 sections 12.2 and 12.3), as UTF-8.
constexpr std::string_view kBlanks[] = {"\t",           "\n",           "\v",           "\f",           "\r",           " ",
                                        "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82", "\xE2\x80\x83",
                                        "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89",
                                        "\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80",
                                        "\xEF\xBB\xBF"};

}  // namespace

Result<Value> parseEcma(std::string_view text, Limits limits) {
    if (text.size() > limits.bytes) return fail(Errc::TooLarge, "JSON text is over " + std::to_string(limits.bytes) + " bytes");
    if (text.starts_with("\xEF\xBB\xBF")) return fail(Errc::Invalid, "JSON text begins with a byte order mark");
    if (!isUtf8(text)) return fail(Errc::Invalid, "JSON text is not UTF-8");
    return Reader(text, limits.depth).document();
}

std::string writeEcma(const Value& value) {
    std::string out;
    writeTo(out, value);
    return out;
}

std::string quotedEcma(std::string_view wtf8) {
    std::string quoted;
    appendQuoted(quoted, wtf8);
    if (quoted.find('\xED') == std::string::npos) return quoted;
    return withoutSurrogates(quoted, [](std::uint32_t unit) {
        constexpr std::string_view kHex = "0123456789abcdef";
        std::string escaped = "\\u";
        for (const unsigned shift : {12U, 8U, 4U, 0U}) escaped.push_back(kHex[(unit >> shift) & 15U]);
        return escaped;
    });
}

std::string wellFormed(std::string_view wtf8) {
    return withoutSurrogates(wtf8, [](std::uint32_t) { return std::string("\xEF\xBF\xBD"); });
}

bool isEcmaBlank(std::string_view wtf8) {
    while (!wtf8.empty()) {
        const auto* blank =
            std::find_if(std::begin(kBlanks), std::end(kBlanks), [&](std::string_view one) { return wtf8.starts_with(one); });
        if (blank == std::end(kBlanks)) return false;
        wtf8.remove_prefix(blank->size());
    }
    return true;
}

}  // namespace agentidp::base::json
