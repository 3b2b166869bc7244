// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file agentidp/cpp/config.hpp
/// A plugin's settings, and the little JSON that a plugin writes. Settings are one flat object whose values are strings,
/// integers, booleans and lists of strings; the parser takes exactly that and nothing else.
#include <agentidp/cpp/outcome.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace aip {

/// Appends `text` as a JSON string. Bytes that are not UTF-8 become U+FFFD.
inline void appendQuoted(std::string& out, std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    out.push_back('"');
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte < 0x80) {
            if (byte == '"' || byte == '\\') {
                out.push_back('\\');
                out.push_back(static_cast<char>(byte));
            } else if (byte < 0x20) {
                out += "\\u00";
                out.push_back(kHex[byte >> 4U]);
                out.push_back(kHex[byte & 15U]);
            } else {
                out.push_back(static_cast<char>(byte));
            }
            ++i;
            continue;
        }
        const std::size_t length = byte >= 0xF0 && byte < 0xF5 ? 4 : byte >= 0xE0 && byte < 0xF0 ? 3 : byte >= 0xC2 && byte < 0xE0 ? 2 : 0;
        bool whole = length != 0 && i + length <= text.size();
        for (std::size_t k = 1; whole && k < length; ++k) whole = (static_cast<unsigned char>(text[i + k]) & 0xC0U) == 0x80;
        if (whole && length > 2) {
            const auto second = static_cast<unsigned char>(text[i + 1]);
            whole = !(byte == 0xE0 && second < 0xA0) && !(byte == 0xED && second > 0x9F) && !(byte == 0xF0 && second < 0x90) &&
                    !(byte == 0xF4 && second > 0x8F);
        }
        if (whole) {
            out.append(text.substr(i, length));
            i += length;
        } else {
            out += "\xEF\xBF\xBD";
            ++i;
        }
    }
    out.push_back('"');
}
inline std::string quoted(std::string_view text) {
    std::string out;
    appendQuoted(out, text);
    return out;
}

/// A JSON object, member by member: `Fields().text("path", p).integer("keys", 3).json()`.
class Fields {
public:
    Fields& text(std::string_view name, std::string_view value) {
        key(name);
        appendQuoted(json_, value);
        return *this;
    }
    Fields& integer(std::string_view name, std::int64_t value) { return raw(name, std::to_string(value)); }
    Fields& boolean(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
    Fields& list(std::string_view name, const std::vector<std::string>& values) {
        key(name);
        json_.push_back('[');
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (i != 0) json_.push_back(',');
            appendQuoted(json_, values[i]);
        }
        json_.push_back(']');
        return *this;
    }
    /// `value` is JSON already.
    Fields& raw(std::string_view name, std::string_view value) {
        key(name);
        json_.append(value);
        return *this;
    }
    std::string json() const { return json_ + "}"; }

private:
    void key(std::string_view name) {
        if (json_.size() > 1) json_.push_back(',');
        appendQuoted(json_, name);
        json_.push_back(':');
    }
    std::string json_ = "{";
};

/// Settings by name. A getter whose setting is absent answers `otherwise`; one whose setting has another type does too, and
/// the mistake is kept: the wrapper refuses the plugin with it as soon as configure() returns. So an author never checks types.
class Config {
public:
    using List = std::vector<std::string>;

    /// AIP_E_INVALID says where; the text is never quoted, it may name secrets.
    static Outcome<Config> parse(std::string_view json);

    bool has(std::string_view name) const { return find(name) != nullptr; }
    std::string text(std::string_view name, std::string_view otherwise = {}) const {
        const auto* held = get<std::string>(name, "a string");
        return held != nullptr ? *held : std::string(otherwise);
    }
    std::int64_t integer(std::string_view name, std::int64_t otherwise = 0) const {
        const auto* held = get<std::int64_t>(name, "an integer");
        return held != nullptr ? *held : otherwise;
    }
    bool boolean(std::string_view name, bool otherwise = false) const {
        const auto* held = get<bool>(name, "a boolean");
        return held != nullptr ? *held : otherwise;
    }
    List list(std::string_view name, const List& otherwise = {}) const {
        const auto* held = get<List>(name, "a list of strings");
        return held != nullptr ? *held : otherwise;
    }
    /// The first getter that met a value of another type; empty if none did.
    const std::string& mistake() const { return mistake_; }

private:
    using Held = std::variant<std::string, std::int64_t, bool, List>;
    class Parser;

    const Held* find(std::string_view name) const {
        const auto at = values_.find(name);
        return at == values_.end() ? nullptr : &at->second;
    }
    template <class T>
    const T* get(std::string_view name, const char* wanted) const {
        const Held* held = find(name);
        if (held == nullptr) return nullptr;
        const T* value = std::get_if<T>(held);
        if (value == nullptr && mistake_.empty()) mistake_ = "setting " + std::string(name) + " is not " + wanted;
        return value;
    }

    std::map<std::string, Held, std::less<>> values_;
    mutable std::string mistake_;
};

class Config::Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    Outcome<Config> run() {
        Config config;
        if (!object(config)) return invalid("the settings are not one flat JSON object", "at byte " + std::to_string(at_));
        return config;
    }

private:
    bool object(Config& config) {
        if (!take('{')) return false;
        if (!take('}')) {
            do {
                std::string name;
                Held value;
                if (!string(name) || !take(':') || !member(value) || !config.values_.emplace(std::move(name), std::move(value)).second)
                    return false;
            } while (take(','));
            if (!take('}')) return false;
        }
        skipSpace();
        return at_ == text_.size();
    }
    bool member(Held& out) {
        skipSpace();
        if (at_ >= text_.size()) return false;
        if (text_[at_] == '"') return string(out.emplace<std::string>());
        if (text_[at_] == '[') return list(out.emplace<List>());
        if (word("true")) return out.emplace<bool>(true);
        if (word("false")) return !out.emplace<bool>(false);
        return integer(out.emplace<std::int64_t>());
    }
    bool list(List& out) {
        if (!take('[')) return false;
        if (take(']')) return true;
        do {
            if (!string(out.emplace_back())) return false;
        } while (take(','));
        return take(']');
    }
    bool integer(std::int64_t& out) {
        const bool negative = at_ < text_.size() && text_[at_] == '-';
        if (negative) ++at_;
        const std::size_t first = at_;
        out = 0;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
            const int digit = text_[at_] - '0';
            if (__builtin_mul_overflow(out, std::int64_t{10}, &out) || __builtin_sub_overflow(out, std::int64_t{digit}, &out)) return false;
        }
        if (at_ == first || (text_[first] == '0' && at_ - first > 1)) return false;
        return negative || !__builtin_sub_overflow(std::int64_t{0}, out, &out);
    }
    bool string(std::string& out) {
        if (!take('"')) return false;
        for (; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (c == '"') return ++at_, true;
            if (static_cast<unsigned char>(c) < 0x20) return false;
            if (c != '\\') {
                out.push_back(c);
            } else if (!escape(out)) {
                return false;
            }
        }
        return false;
    }
    /// From the backslash to the last character of the escape.
    bool escape(std::string& out) {
        if (++at_ >= text_.size()) return false;
        static constexpr std::string_view kFrom = "\"\\/bfnrt";
        static constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
        if (const auto simple = kFrom.find(text_[at_]); simple != std::string_view::npos) {
            out.push_back(kTo[simple]);
            return true;
        }
        std::uint32_t code = 0;
        if (text_[at_] != 'u' || !hex4(code)) return false;
        if (code >= 0xDC00 && code <= 0xDFFF) return false;
        if (code >= 0xD800 && code <= 0xDBFF) {
            std::uint32_t low = 0;
            if (at_ + 2 >= text_.size() || text_[at_ + 1] != '\\' || text_[at_ + 2] != 'u') return false;
            at_ += 2;
            if (!hex4(low) || low < 0xDC00 || low > 0xDFFF) return false;
            code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
        }
        utf8(code, out);
        return true;
    }
    bool hex4(std::uint32_t& out) {
        out = 0;
        for (int i = 0; i < 4; ++i) {
            if (++at_ >= text_.size()) return false;
            const char c = text_[at_];
            const int digit = c >= '0' && c <= '9'   ? c - '0'
                              : c >= 'a' && c <= 'f' ? c - 'a' + 10
                              : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                     : -1;
            if (digit < 0) return false;
            out = out * 16 + static_cast<std::uint32_t>(digit);
        }
        return true;
    }
    static void utf8(std::uint32_t code, std::string& out) {
        const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
        if (code < 0x80) {
            put(code);
        } else if (code < 0x800) {
            put(0xC0U | code >> 6U), put(0x80U | (code & 63U));
        } else if (code < 0x10000) {
            put(0xE0U | code >> 12U), put(0x80U | (code >> 6U & 63U)), put(0x80U | (code & 63U));
        } else {
            put(0xF0U | code >> 18U), put(0x80U | (code >> 12U & 63U)), put(0x80U | (code >> 6U & 63U)), put(0x80U | (code & 63U));
        }
    }
    void skipSpace() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
    }
    bool take(char wanted) {
        skipSpace();
        if (at_ >= text_.size() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }
    bool word(std::string_view wanted) {
        if (text_.substr(at_, wanted.size()) != wanted) return false;
        at_ += wanted.size();
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

inline Outcome<Config> Config::parse(std::string_view json) { return Parser(json).run(); }

}  // namespace aip
