#include <unistd.h>

#include <cmath>

#include "base/json.h"
#include "base/text.h"
#include "observe/json_log.h"

namespace agentidp::observe {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

std::string_view nameOf(Level level) {
    switch (level) {
        case Level::Debug: return "debug";
        case Level::Info: return "info";
        case Level::Warn: return "warn";
        case Level::Error: return "error";
    }
    return "error";
}

/// The length of the well-formed UTF-8 sequence at the front of `text`, or 0.
std::size_t sequenceLength(std::string_view text) {
    for (std::size_t length = 1; length <= 4 && length <= text.size(); ++length)
        if (base::isUtf8(text.substr(0, length))) return length;
    return 0;
}

std::string madeUtf8(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 16);
    while (!text.empty()) {
        const std::size_t length = sequenceLength(text);
        if (length == 0) {
            out.append(kReplacement);
            text.remove_prefix(1);
        } else {
            out.append(text.substr(0, length));
            text.remove_prefix(length);
        }
    }
    return out;
}

void appendText(std::string& out, std::string_view text) {
    const bool cut = text.size() > kMaxFieldBytes;
    if (cut) {
        text = text.substr(0, kMaxFieldBytes - 3);
        // A sequence cut in half would show as a replacement character that nobody sent.
        while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U) text.remove_suffix(1);
        if (!text.empty() && (static_cast<unsigned char>(text.back()) & 0x80U) != 0) text.remove_suffix(1);
    }
    if (!cut && base::isUtf8(text)) {
        base::json::appendQuoted(out, text, base::json::Escape::Lines);
        return;
    }
    std::string clean = base::isUtf8(text) ? std::string(text) : madeUtf8(text);
    if (cut) clean += "...";
    base::json::appendQuoted(out, clean, base::json::Escape::Lines);
}

void appendValue(std::string& out, const Field& field) {
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
        appendText(out, *text);
    } else if (const auto* whole = std::get_if<std::int64_t>(&field.value)) {
        out += std::to_string(*whole);
    } else if (const auto* number = std::get_if<double>(&field.value)) {
        out += std::isfinite(*number) ? base::json::ecmaNumber(*number) : "null";
    } else {
        out += std::get<bool>(field.value) ? "true" : "false";
    }
}

std::string jsonLine(base::Instant at, Message message, std::initializer_list<Field> fields) {
    std::string out;
    out.reserve(256);
    out += R"({"ts":")";
    out += base::rfc3339(at);
    out += R"(","level":")";
    out += nameOf(levelOf(message));
    out += R"(","id":")";
    out += observe::nameOf(message);
    out += R"(","text":)";
    base::json::appendQuoted(out, textOf(message), base::json::Escape::Lines);
    if (fields.size() != 0) {
        out += R"(,"fields":{)";
        bool first = true;
        for (const auto& field : fields) {
            if (!first) out.push_back(',');
            first = false;
            base::json::appendQuoted(out, field.name, base::json::Escape::Lines);
            out.push_back(':');
            appendValue(out, field);
        }
        out.push_back('}');
    }
    out.push_back('}');
    return out;
}

std::string humanLine(base::Instant at, Message message, std::initializer_list<Field> fields) {
    std::string out = base::rfc3339(at);
    out.push_back(' ');
    std::string level(nameOf(levelOf(message)));
    level.resize(5, ' ');
    out += level;
    out.push_back(' ');
    out += textOf(message);
    out += " [";
    out += observe::nameOf(message);
    out.push_back(']');
    for (const auto& field : fields) {
        out.push_back(' ');
        out += field.name;
        out.push_back('=');
        appendValue(out, field);
    }
    return out;
}

}  // namespace

std::string formatLine(LogFormat format, base::Instant at, Message message, std::initializer_list<Field> fields) {
    return format == LogFormat::Json ? jsonLine(at, message, fields) : humanLine(at, message, fields);
}

LogFormat formatFor(int fd) { return ::isatty(fd) == 1 ? LogFormat::Human : LogFormat::Json; }

}  // namespace agentidp::observe
