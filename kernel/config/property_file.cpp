#include "config/property_file.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace agentidp::config {
namespace {

bool isKey(std::string_view key) {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    };
    return !key.empty() && std::all_of(key.begin(), key.end(), fits);
}

/// The lines of the file, without their ends.
class Lines {
public:
    explicit Lines(std::string_view text) : rest_(text) {}
    bool next(std::string_view& line) {
        if (rest_.empty()) return false;
        const auto end = rest_.find('\n');
        line = rest_.substr(0, end);
        rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        ++number_;
        return true;
    }
    [[nodiscard]] int number() const { return number_; }

private:
    std::string_view rest_;
    int number_ = 0;
};

/// Appends `part` with its escapes read. True if it ends in a lone backslash: the value goes on in the next line.
bool appendValue(std::string& value, std::string_view part, std::string& problem) {
    for (std::size_t i = 0; i < part.size(); ++i) {
        if (part[i] != '\\') {
            value.push_back(part[i]);
            continue;
        }
        if (i + 1 == part.size()) return true;
        switch (part[++i]) {
            case '\\': value.push_back('\\'); break;
            case 't': value.push_back('\t'); break;
            case 'n': value.push_back('\n'); break;
            case 'r': value.push_back('\r'); break;
            case 'f': value.push_back('\f'); break;
            default: problem = "a backslash is written \\\\ here";
        }
    }
    return false;
}

std::string_view leftTrim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    return text;
}

}  // namespace

Properties parseProperties(std::string_view text) {
    Properties result;
    const auto problem = [&](int line, std::string why) { result.problems.push_back({line, std::move(why)}); };
    if (text.starts_with("\xEF\xBB\xBF")) {
        problem(1, "the file begins with a byte order mark; save it as UTF-8 without one");
        text.remove_prefix(3);
    }
    if (!base::isUtf8(text)) problem(0, "the file is not UTF-8");
    if (text.find('\0') != std::string_view::npos) problem(0, "the file holds a NUL");
    if (!result.problems.empty()) return result;

    std::map<std::string, int, std::less<>> seen;
    Lines lines(text);
    std::string_view line;
    while (lines.next(line)) {
        line = leftTrim(line);
        if (line.empty() || line.front() == '#' || line.front() == '!') continue;
        const int number = lines.number();
        const auto mark = line.find_first_of("=:");
        const std::string key(base::trim(line.substr(0, mark)));
        if (mark == std::string_view::npos || !isKey(key)) {
            problem(number, "must be `key = value`, or a comment that begins with #");
            continue;
        }
        Property property{key, {}, number};
        std::string why;
        bool open = appendValue(property.value, base::trim(line.substr(mark + 1)), why);
        while (open && lines.next(line)) open = appendValue(property.value, base::trim(line), why);
        if (open) why = "the last line ends in a backslash";
        if (property.value.find("${") != std::string::npos) why = "${...} is not expanded here; write the value out";
        if (!why.empty()) problem(number, property.key + ": " + why);
        const auto [earlier, fresh] = seen.emplace(property.key, number);
        if (!fresh) {
            problem(number, property.key + ": already set in line " + std::to_string(earlier->second));
            continue;
        }
        if (why.empty()) result.entries.push_back(std::move(property));
    }
    return result;
}

}  // namespace agentidp::config
