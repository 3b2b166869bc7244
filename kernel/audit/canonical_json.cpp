#include "audit/canonical_json.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/json.h"
#include "base/text.h"

namespace agentidp::audit {
namespace {

namespace json = base::json;

constexpr std::int64_t kMaxExactInteger = std::int64_t{1} << 53U;
constexpr std::size_t kMaxDepth = 16;
constexpr std::size_t kMaxUnparsedBytes = 1024;

/// RFC 8785 section 3.2.3 sorts by UTF-16 code units. UTF-8 bytes sort alike, but that characters beyond U+FFFF (lead byte
/// 0xF0 and up) are surrogates there, which stand before U+E000 (lead bytes 0xEE, 0xEF).
bool lessUtf16(std::string_view left, std::string_view right) {
    const auto [l, r] = std::mismatch(left.begin(), left.end(), right.begin(), right.end());
    if (l == left.end() || r == right.end()) return r != right.end();
    const auto a = static_cast<std::uint8_t>(*l);
    const auto b = static_cast<std::uint8_t>(*r);
    if (a >= 0xF0 && (b == 0xEE || b == 0xEF)) return true;
    if (b >= 0xF0 && (a == 0xEE || a == 0xEF)) return false;
    return a < b;
}

/// Says whether a text is in canonical form already. It only ever errs towards no.
class CanonicalScanner {
public:
    explicit CanonicalScanner(std::string_view text) : text_(text) {}
    bool isObject() { return object(0) && at_ == text_.size(); }

private:
    bool take(char c) {
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    bool take(std::string_view word) {
        if (text_.substr(at_, word.size()) != word) return false;
        at_ += word.size();
        return true;
    }
    bool object(std::size_t depth) {
        if (depth >= kMaxDepth || !take('{')) return false;
        if (take('}')) return true;
        std::string_view previous;
        for (bool first = true;; first = false) {
            std::string_view name;
            if (!string(name) || (!first && previous >= name) || !take(':') || !value(depth + 1)) return false;
            // Escapes and letters beyond ASCII would need decoding to be compared.
            if (std::any_of(name.begin(), name.end(), [](char c) { return c == '\\' || static_cast<std::uint8_t>(c) >= 0x80; }))
                return false;
            previous = name;
            if (take('}')) return true;
            if (!take(',')) return false;
        }
    }
    bool array(std::size_t depth) {
        if (depth >= kMaxDepth || !take('[')) return false;
        if (take(']')) return true;
        for (;;) {
            if (!value(depth + 1)) return false;
            if (take(']')) return true;
            if (!take(',')) return false;
        }
    }
    bool value(std::size_t depth) {
        if (at_ >= text_.size()) return false;
        std::string_view ignored;
        switch (text_[at_]) {
            case '"': return string(ignored);
            case '{': return object(depth);
            case '[': return array(depth);
            case 't': return take("true");
            case 'f': return take("false");
            case 'n': return take("null");
            default: return integer();
        }
    }
    bool integer() {
        const std::size_t from = at_;
        while (at_ < text_.size() && (text_[at_] == '-' || (text_[at_] >= '0' && text_[at_] <= '9'))) ++at_;
        const auto number = base::parseInt(text_.substr(from, at_ - from));
        return number && std::abs(*number) <= kMaxExactInteger;
    }
    bool string(std::string_view& inside) {
        if (!take('"')) return false;
        const std::size_t from = at_;
        bool ascii = true;
        for (; at_ < text_.size(); ++at_) {
            const auto c = static_cast<std::uint8_t>(text_[at_]);
            if (c == '"') {
                inside = text_.substr(from, at_ - from);
                ++at_;
                return ascii || base::isUtf8(inside);
            }
            if (c < 0x20) return false;
            if (c >= 0x80) ascii = false;
            if (c == '\\') {
                if (++at_ >= text_.size() || std::string_view("\"\\bfnrt").find(text_[at_]) == std::string_view::npos) return false;
            }
        }
        return false;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

void writeCanonical(std::string& out, const json::Value& value) {
    if (const auto* members = value.asObject()) {
        std::vector<const json::Member*> sorted;
        for (const auto& member : *members) sorted.push_back(&member);
        std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return lessUtf16(a->first, b->first); });
        out.push_back('{');
        for (const auto* member : sorted) {
            if (member != sorted.front()) out.push_back(',');
            json::appendQuoted(out, member->first);
            out.push_back(':');
            writeCanonical(out, member->second);
        }
        out.push_back('}');
    } else if (const auto* items = value.asArray()) {
        out.push_back('[');
        for (const auto& item : *items) {
            if (&item != &items->front()) out.push_back(',');
            writeCanonical(out, item);
        }
        out.push_back(']');
    } else if (const auto* number = value.asDouble()) {
        const bool whole = *number == std::floor(*number) && std::fabs(*number) <= static_cast<double>(kMaxExactInteger);
        if (whole)
            out += std::to_string(static_cast<std::int64_t>(*number));
        else
            json::appendQuoted(out, json::ecmaNumber(*number));
    } else if (const auto* integer = value.asInt(); integer != nullptr && (*integer > kMaxExactInteger || *integer < -kMaxExactInteger)) {
        json::appendQuoted(out, std::to_string(*integer));
    } else {
        out += json::write(value);
    }
}

}  // namespace

void appendCanonicalObject(std::string& out, std::string_view text) {
    if (text.empty() || text == "{}") {
        out += "{}";
        return;
    }
    if (CanonicalScanner(text).isObject()) {
        out += text;
        return;
    }
    const auto parsed = json::parse(text, {.bytes = std::size_t{1} << 20U, .depth = kMaxDepth});
    if (parsed && parsed->asObject() != nullptr) {
        writeCanonical(out, *parsed);
        return;
    }
    const std::string valid = toValidUtf8(text.substr(0, kMaxUnparsedBytes));
    out += "{\"unparsed\":";
    json::appendQuoted(out, valid);
    out.push_back('}');
}

std::string toValidUtf8(std::string_view text) {
    if (base::isUtf8(text)) return std::string(text);
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<std::uint8_t>(text[i]);
        if (lead < 0x80) {
            out.push_back(text[i++]);
            continue;
        }
        const std::size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        if (i + want <= text.size() && base::isUtf8(text.substr(i, want))) {
            out += text.substr(i, want);
            i += want;
            continue;
        }
        // The longest part that could still have begun a character counts as one error.
        std::size_t bad = 1;
        if (lead >= 0xC2 && lead <= 0xF4) {
            for (; bad < want && i + bad < text.size(); ++bad) {
                const auto c = static_cast<std::uint8_t>(text[i + bad]);
                const std::uint8_t low = bad == 1 && lead == 0xE0 ? 0xA0 : bad == 1 && lead == 0xF0 ? 0x90 : 0x80;
                const std::uint8_t high = bad == 1 && lead == 0xED ? 0x9F : bad == 1 && lead == 0xF4 ? 0x8F : 0xBF;
                if (c < low || c > high) break;
            }
        }
        out += "\xEF\xBF\xBD";
        i += bad;
    }
    return out;
}

std::string_view cutUtf8(std::string_view text, std::size_t bytes) {
    if (text.size() <= bytes) return text;
    while (bytes > 0 && (static_cast<std::uint8_t>(text[bytes]) & 0xC0U) == 0x80U) --bytes;
    return text.substr(0, bytes);
}

}  // namespace agentidp::audit
