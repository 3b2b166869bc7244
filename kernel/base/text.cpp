#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <numeric>

namespace agentidp::base {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kUrlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int hexDigit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

void encode64(std::string& out, BytesView bytes, std::string_view alphabet) {
    std::size_t i = 0;
    for (; i + 3 <= bytes.size(); i += 3) {
        const std::uint32_t group = (std::uint32_t{bytes[i]} << 16U) | (std::uint32_t{bytes[i + 1]} << 8U) | bytes[i + 2];
        const std::array<char, 4> four{alphabet[group >> 18U], alphabet[(group >> 12U) & 63U], alphabet[(group >> 6U) & 63U],
                                       alphabet[group & 63U]};
        out.append(four.data(), four.size());
    }
    const std::size_t left = bytes.size() - i;
    if (left == 0) return;
    std::uint32_t group = std::uint32_t{bytes[i]} << 16U;
    if (left == 2) group |= std::uint32_t{bytes[i + 1]} << 8U;
    out.push_back(alphabet[group >> 18U]);
    out.push_back(alphabet[(group >> 12U) & 63U]);
    if (left == 2) out.push_back(alphabet[(group >> 6U) & 63U]);
}

std::array<std::int8_t, 256> reverseOf(std::string_view alphabet) {
    std::array<std::int8_t, 256> table{};
    table.fill(-1);
    for (std::size_t i = 0; i < alphabet.size(); ++i) table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::int8_t>(i);
    return table;
}

std::optional<Bytes> decode64(std::string_view text, const std::array<std::int8_t, 256>& table) {
    if (text.size() % 4 == 1) return std::nullopt;
    Bytes out;
    out.reserve(text.size() * 3 / 4);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : text) {
        const auto value = table[static_cast<std::uint8_t>(c)];
        if (value < 0) return std::nullopt;
        bits = (bits << 6U) | static_cast<std::uint8_t>(value);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out.push_back(static_cast<std::uint8_t>(bits >> held));
            bits &= (1U << held) - 1U;
        }
    }
    if (bits != 0) return std::nullopt;
    return out;
}

std::optional<std::string> decodeEscapes(std::string_view text, bool plusIsSpace) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '+' && plusIsSpace) {
            out.push_back(' ');
        } else if (c == '%') {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hexDigit(text[i + 1]);
            const int low = hexDigit(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            out.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        } else {
            out.push_back(c);
        }
    }
    return out;
}

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
    if (at + count > text.size()) return std::nullopt;
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

bool isSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f'; }

char lowerChar(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

std::string hex(BytesView bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const auto b : bytes) {
        text.push_back(kHex[b >> 4U]);
        text.push_back(kHex[b & 15U]);
    }
    return text;
}

std::optional<Bytes> unhex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    Bytes out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hexDigit(text[i]);
        const int low = hexDigit(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out.push_back(static_cast<std::uint8_t>(high * 16 + low));
    }
    return out;
}

void appendBase64url(std::string& out, BytesView bytes) { encode64(out, bytes, kUrlAlphabet); }

std::string base64url(BytesView bytes) {
    std::string out;
    out.reserve((bytes.size() * 4 + 2) / 3);
    appendBase64url(out, bytes);
    return out;
}

std::optional<Bytes> unbase64url(std::string_view text) {
    static const auto kTable = reverseOf(kUrlAlphabet);
    return decode64(text, kTable);
}

std::string base64(BytesView bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    encode64(out, bytes, kAlphabet);
    while (out.size() % 4 != 0) out.push_back('=');
    return out;
}

std::optional<Bytes> unbase64(std::string_view text) {
    static const auto kTable = reverseOf(kAlphabet);
    if (text.size() % 4 != 0) return std::nullopt;
    for (int i = 0; i < 2 && !text.empty() && text.back() == '='; ++i) text.remove_suffix(1);
    return decode64(text, kTable);
}

std::optional<std::string> formDecode(std::string_view text) { return decodeEscapes(text, true); }
std::optional<std::string> percentDecode(std::string_view text) { return decodeEscapes(text, false); }

std::string percentEncode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const bool unreserved =
            (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        if (unreserved) {
            out.push_back(c);
        } else {
            out.push_back('%');
            out.push_back("0123456789ABCDEF"[static_cast<std::uint8_t>(c) >> 4U]);
            out.push_back("0123456789ABCDEF"[static_cast<std::uint8_t>(c) & 15U]);
        }
    }
    return out;
}

bool isUtf8(std::string_view text) {
    std::size_t i = 0;
    const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
    while (i < text.size()) {
        const std::uint8_t lead = byte(i);
        if (lead < 0x80) {
            ++i;
            continue;
        }
        std::size_t extra = 0;
        std::uint32_t point = 0;
        std::uint32_t least = 0;
        if ((lead & 0xE0U) == 0xC0U) {
            extra = 1;
            point = lead & 0x1FU;
            least = 0x80;
        } else if ((lead & 0xF0U) == 0xE0U) {
            extra = 2;
            point = lead & 0x0FU;
            least = 0x800;
        } else if ((lead & 0xF8U) == 0xF0U) {
            extra = 3;
            point = lead & 0x07U;
            least = 0x10000;
        } else
            return false;
        if (i + extra >= text.size()) return false;
        for (std::size_t k = 1; k <= extra; ++k) {
            if ((byte(i + k) & 0xC0U) != 0x80U) return false;
            point = (point << 6U) | (byte(i + k) & 0x3FU);
        }
        if (point < least || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return false;
        i += extra + 1;
    }
    return true;
}

std::string rfc3339(Instant at) {
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss<microseconds> time(at - day);
    std::array<char, 40> buffer{};
    const int size = std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                   static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                                   static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
    return {buffer.data(), static_cast<std::size_t>(size)};
}

std::optional<Instant> parseRfc3339(std::string_view text) {
    if (text.size() < 20 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':')
        return std::nullopt;
    const auto year = digits(text, 0, 4);
    const auto month = digits(text, 5, 2);
    const auto day = digits(text, 8, 2);
    const auto hour = digits(text, 11, 2);
    const auto minute = digits(text, 14, 2);
    const auto second = digits(text, 17, 2);
    if (!year || !month || !day || !hour || !minute || !second || *year < 1970 || *hour > 23 || *minute > 59 || *second > 59)
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    std::size_t at = 19;
    std::int64_t micros = 0;
    if (text[at] == '.') {
        std::size_t count = 0;
        std::int64_t scale = 100000;
        for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++count) {
            micros += (text[at] - '0') * scale;
            scale /= 10;
        }
        if (count == 0 || count > 9) return std::nullopt;
    }
    if (at >= text.size()) return std::nullopt;
    std::chrono::minutes offset{0};
    if (text[at] == 'Z' || text[at] == 'z') {
        if (at + 1 != text.size()) return std::nullopt;
    } else if (text[at] == '+' || text[at] == '-') {
        const auto hours = digits(text, at + 1, 2);
        const auto minutes = digits(text, at + 4, 2);
        if (at + 6 != text.size() || !hours || !minutes || text[at + 3] != ':' || *hours > 23 || *minutes > 59) return std::nullopt;
        offset = std::chrono::minutes(*hours * 60 + *minutes);
        if (text[at] == '-') offset = -offset;
    } else {
        return std::nullopt;
    }
    const Instant local = std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
                          std::chrono::seconds(*second) + microseconds(micros);
    return local - offset;
}

std::optional<std::int64_t> parseInt(std::string_view text) {
    const bool negative = !text.empty() && text.front() == '-';
    const std::string_view number = negative ? text.substr(1) : text;
    if (number.empty() || number.size() > 19 || (number.size() > 1 && number.front() == '0')) return std::nullopt;
    if (negative && number == "0") return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : number) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (value > kMost) return std::nullopt;
    return negative ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && isSpace(text.front())) text.remove_prefix(1);
    while (!text.empty() && isSpace(text.back())) text.remove_suffix(1);
    return text;
}

std::vector<std::string> split(std::string_view text, char at) {
    std::vector<std::string> parts;
    std::size_t from = 0;
    for (;;) {
        const auto next = text.find(at, from);
        parts.emplace_back(text.substr(from, next - from));
        if (next == std::string_view::npos) return parts;
        from = next + 1;
    }
}

std::string join(const std::vector<std::string>& parts, std::string_view with) {
    std::string out;
    for (const auto& part : parts) {
        if (&part != &parts.front()) out.append(with);
        out.append(part);
    }
    return out;
}

bool equalIgnoreCase(std::string_view left, std::string_view right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) { return lowerChar(a) == lowerChar(b); });
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), lowerChar);
    return out;
}

std::optional<std::string> nearest(std::string_view text, const std::vector<std::string>& names) {
    std::optional<std::string> best;
    std::size_t bestDistance = std::max<std::size_t>(2, text.size() / 3) + 1;
    for (const auto& name : names) {
        std::vector<std::size_t> row(name.size() + 1);
        std::iota(row.begin(), row.end(), 0U);
        for (std::size_t i = 1; i <= text.size(); ++i) {
            std::size_t diagonal = row[0];
            row[0] = i;
            for (std::size_t j = 1; j <= name.size(); ++j) {
                const std::size_t above = row[j];
                row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (text[i - 1] == name[j - 1] ? 0U : 1U)});
                diagonal = above;
            }
        }
        if (row.back() < bestDistance) {
            bestDistance = row.back();
            best = name;
        }
    }
    return best;
}

}  // namespace agentidp::base
