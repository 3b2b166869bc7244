#include "config/dotenv.h"

#include <algorithm>

#include "base/text.h"

namespace agentidp::config {
namespace {

bool isName(std::string_view name) {
    const auto fits = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    return !name.empty() && !(name.front() >= '0' && name.front() <= '9') && std::all_of(name.begin(), name.end(), fits);
}

/// Walks over the text; remembers the line for problems.
class Cursor {
public:
    explicit Cursor(std::string_view text) : text_(text) {}
    [[nodiscard]] bool atEnd() const { return at_ >= text_.size(); }
    [[nodiscard]] char peek() const { return text_[at_]; }
    char take() {
        const char c = text_[at_++];
        if (c == '\n') ++line_;
        return c;
    }
    /// What is left of the line, without its end; moves behind it.
    std::string_view restOfLine() {
        const auto end = text_.find('\n', at_);
        std::string_view rest = text_.substr(at_, end == std::string_view::npos ? end : end - at_);
        at_ = end == std::string_view::npos ? text_.size() : end + 1;
        if (end != std::string_view::npos) ++line_;
        if (!rest.empty() && rest.back() == '\r') rest.remove_suffix(1);
        return rest;
    }
    void skipBlanks() {
        while (!atEnd() && (peek() == ' ' || peek() == '\t')) take();
    }
    [[nodiscard]] int line() const { return line_; }

private:
    std::string_view text_;
    std::size_t at_ = 0;
    int line_ = 1;
};

char unescaped(char c, std::string& problem) {
    switch (c) {
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        case '"':
        case '\\':
        case '$': return c;
        default: problem = "unknown escape; a backslash is written \\\\ between double quotes"; return c;
    }
}

/// The value between quotes; the cursor stands on the opening one and ends behind the line.
std::string quoted(Cursor& cursor, std::string& problem) {
    const char quote = cursor.take();
    std::string value;
    while (!cursor.atEnd()) {
        char c = cursor.take();
        if (c == quote) {
            const auto rest = base::trim(cursor.restOfLine());
            if (!rest.empty() && rest.front() != '#') problem = "text after the closing quote";
            return value;
        }
        if (c == '\r' && !cursor.atEnd() && cursor.peek() == '\n') continue;
        if (c == '\\' && quote == '"' && !cursor.atEnd()) c = unescaped(cursor.take(), problem);
        value.push_back(c);
    }
    problem = "the quote never ends";
    return value;
}

std::string bare(std::string_view rest, std::string& problem) {
    for (std::size_t i = 0; i < rest.size(); ++i)
        if (rest[i] == '#' && (i == 0 || rest[i - 1] == ' ' || rest[i - 1] == '\t')) {
            rest = rest.substr(0, i);
            break;
        }
    rest = base::trim(rest);
    if (rest.find_first_of("\"'") == 0) problem = "misplaced quote";
    return std::string(rest);
}

}  // namespace

Dotenv parseDotenv(std::string_view text) {
    Dotenv result;
    if (text.starts_with("\xEF\xBB\xBF"))
        result.problems.push_back({1, "the file begins with a byte order mark; save it as UTF-8 without one"});
    if (!base::isUtf8(text)) result.problems.push_back({0, "the file is not UTF-8"});
    if (text.find('\0') != std::string_view::npos) result.problems.push_back({0, "the file holds a NUL"});
    if (!result.problems.empty()) return result;

    Cursor cursor(text);
    while (!cursor.atEnd()) {
        cursor.skipBlanks();
        if (cursor.atEnd()) break;
        const int line = cursor.line();
        if (cursor.peek() == '#' || cursor.peek() == '\n' || cursor.peek() == '\r') {
            if (const auto rest = base::trim(cursor.restOfLine()); !rest.empty() && rest.front() != '#')
                result.problems.push_back({line, "a carriage return in the middle of a line"});
            continue;
        }
        std::string name;
        while (!cursor.atEnd() && cursor.peek() != '=' && cursor.peek() != '\n') name.push_back(cursor.take());
        std::string_view bareName = base::trim(name);
        if (bareName.starts_with("export ")) bareName = base::trim(bareName.substr(7));
        if (cursor.atEnd() || cursor.peek() != '=' || !isName(bareName)) {
            cursor.restOfLine();
            result.problems.push_back({line, "must be NAME=value"});
            continue;
        }
        cursor.take();
        cursor.skipBlanks();
        std::string problem;
        const bool inQuotes = !cursor.atEnd() && (cursor.peek() == '"' || cursor.peek() == '\'');
        std::string value = inQuotes ? quoted(cursor, problem) : bare(cursor.restOfLine(), problem);
        if (!problem.empty()) {
            result.problems.push_back({line, std::string(bareName) + ": " + problem});
        } else if (!result.variables.emplace(bareName, std::move(value)).second) {
            result.problems.push_back({line, std::string(bareName) + ": set twice"});
        }
    }
    return result;
}

}  // namespace agentidp::config
