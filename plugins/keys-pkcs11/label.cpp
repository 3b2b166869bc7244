#include "label.h"

#include <charconv>
#include <cstdio>
#include <ctime>

namespace agentidp::keys_pkcs11 {
namespace {

constexpr std::string_view kRetired = " retired";
constexpr std::size_t kTimeSize = 27;

std::string timeOf(std::int64_t us) {
    const auto seconds = static_cast<std::time_t>(us / 1'000'000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char date[24];
    std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    char whole[40];
    std::snprintf(whole, sizeof whole, "%s.%06dZ", date, static_cast<int>(us % 1'000'000));
    return whole;
}

bool readNumber(std::string_view text, std::size_t at, std::size_t size, int& out) {
    const auto digits = text.substr(at, size);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return error == std::errc() && end == digits.data() + size && out >= 0;
}

std::optional<std::int64_t> readTime(std::string_view text) {
    std::tm parts{};
    int micros = 0;
    if (text.size() != kTimeSize || !readNumber(text, 0, 4, parts.tm_year) || !readNumber(text, 5, 2, parts.tm_mon) ||
        !readNumber(text, 8, 2, parts.tm_mday) || !readNumber(text, 11, 2, parts.tm_hour) || !readNumber(text, 14, 2, parts.tm_min) ||
        !readNumber(text, 17, 2, parts.tm_sec) || !readNumber(text, 20, 6, micros))
        return std::nullopt;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    const auto us = static_cast<std::int64_t>(timegm(&parts)) * 1'000'000 + micros;
    // What does not come out again as it went in had a month 13 or a letter between the digits.
    return us >= 0 && timeOf(us) == text ? std::optional(us) : std::nullopt;
}

}  // namespace

std::string writeLabel(std::string_view prefix, const Label& label) {
    return std::string(prefix) + " " + label.use + " " + timeOf(label.createdAtUs) + (label.retired ? std::string(kRetired) : "");
}

std::optional<Label> readLabel(std::string_view prefix, std::string_view text) {
    if (text.substr(0, prefix.size()) != prefix || text.size() <= prefix.size() || text[prefix.size()] != ' ') return std::nullopt;
    text.remove_prefix(prefix.size() + 1);
    Label label;
    if (text.size() > kRetired.size() && text.substr(text.size() - kRetired.size()) == kRetired) {
        label.retired = true;
        text.remove_suffix(kRetired.size());
    }
    const auto space = text.find(' ');
    if (space == std::string_view::npos || space == 0) return std::nullopt;
    const auto created = readTime(text.substr(space + 1));
    if (!created) return std::nullopt;
    label.use = text.substr(0, space);
    label.createdAtUs = *created;
    return label;
}

}  // namespace agentidp::keys_pkcs11
