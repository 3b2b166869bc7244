#include "http/strict_head.h"

#include <algorithm>
#include <array>

namespace agentidp::http {
namespace {

constexpr std::size_t kLongestMethod = 32;
constexpr std::size_t kVersionSize = 8;  // "HTTP/1.1"

constexpr std::array<bool, 256> kTokenCharacters = [] {
    std::array<bool, 256> table{};
    for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<std::uint8_t>(c)] = true;
    return table;
}();

bool isTokenChar(char c) { return kTokenCharacters[static_cast<std::uint8_t>(c)]; }
bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isLower(char c) { return c >= 'a' && c <= 'z'; }

Refusal bad(std::string_view why) { return {400, why}; }

Method methodOf(std::string_view text) {
    constexpr std::array kServed = {Method::Get, Method::Post, Method::Head, Method::Put, Method::Patch, Method::Delete, Method::Options};
    for (const Method method : kServed) {
        if (nameOf(method) == text) return method;
    }
    return Method::Other;
}

std::string_view trimOws(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool isPort(std::string_view text) {
    if (text.empty() || text.size() > 5 || !std::all_of(text.begin(), text.end(), isDigit)) return false;
    unsigned value = 0;
    for (const char c : text) value = value * 10 + static_cast<unsigned>(c - '0');
    return value <= 65535;
}

// RFC 3986 section 3.2.2 without IPvFuture, escapes and sub-delims: what a host is really called.
bool isHost(std::string_view text) {
    if (text.empty() || text.size() > 261) return false;
    if (text.front() == '[') {
        const auto end = text.find(']');
        if (end == std::string_view::npos || end < 3) return false;
        const auto inside = text.substr(1, end - 1);
        const bool literal = std::all_of(inside.begin(), inside.end(), [](char c) {
            return isDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
        });
        const auto rest = text.substr(end + 1);
        return literal && (rest.empty() || (rest.front() == ':' && isPort(rest.substr(1))));
    }
    const auto colon = text.find(':');
    const auto name = text.substr(0, colon);
    const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
        return isDigit(c) || isLower(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~';
    });
    return !name.empty() && plain && (colon == std::string_view::npos || isPort(text.substr(colon + 1)));
}

bool isTarget(std::string_view text) {
    return !text.empty() && text.front() == '/' &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F && c != '#'; });
}

bool hasToken(std::string_view list, std::string_view token) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        if (base::equalIgnoreCase(trimOws(list.substr(0, comma)), token)) return true;
        if (comma == std::string_view::npos) return false;
        list.remove_prefix(comma + 1);
    }
    return false;
}

}  // namespace

bool isToken(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), isTokenChar); }

bool isFieldValue(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<std::uint8_t>(c);
        return (byte >= 0x20 && byte != 0x7F) || byte == '\t';
    });
}

HeadOutcome StrictHead::scan(std::string_view bytes) {
    for (;;) {
        const auto feed = bytes.find('\n', std::max(lineAt_, searched_));
        const auto end = feed == std::string_view::npos ? bytes.size() : feed + 1;
        if (end > limits_->headBytes) {
            // A long target fills the head before its line ends; it has a status of its own.
            if (const auto refusal = unfinished(bytes.substr(lineAt_, end - lineAt_))) return *refusal;
            return Refusal{431, "the request head is too large"};
        }
        if (feed == std::string_view::npos) {
            searched_ = bytes.size();
            if (const auto refusal = unfinished(bytes.substr(lineAt_))) return *refusal;
            return NeedMore{};
        }
        std::string_view line = bytes.substr(lineAt_, feed - lineAt_);
        if (const auto refusal = unfinished(line)) return *refusal;
        if (line.empty() || line.back() != '\r') return bad("a line does not end with CRLF");
        line.remove_suffix(1);
        const bool first = lineAt_ == 0;
        lineAt_ = searched_ = feed + 1;
        if (!first && line.empty()) {
            if (const auto refusal = complete()) return *refusal;
            return facts(bytes);
        }
        if (const auto refusal = first ? requestLine(line) : field(line)) return *refusal;
    }
}

std::optional<Refusal> StrictHead::requestLine(std::string_view line) {
    const auto space = line.find(' ');
    if (space == 0 || space == std::string_view::npos) return bad("the request line is malformed");
    const auto method = line.substr(0, space);
    const auto rest = line.substr(space + 1);
    const auto next = rest.find(' ');
    const auto target = rest.substr(0, next);
    if (next == std::string_view::npos) return bad("the request line has no version");
    const auto version = rest.substr(next + 1);
    if (version.size() != kVersionSize || !version.starts_with("HTTP/") || !isDigit(version[5]) || version[6] != '.' ||
        !isDigit(version[7]))
        return bad("the HTTP version is malformed");
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return Refusal{505, "only HTTP/1.0 and HTTP/1.1 are served"};
    if (method == "CONNECT" || method == "TRACE" || std::any_of(method.begin(), method.end(), isLower))
        return Refusal{501, "the method is not implemented"};
    if (!isTarget(target)) return bad("the request target is not a path");
    http10_ = version.back() == '0';
    methodSize_ = method.size();
    targetAt_ = space + 1;
    targetSize_ = target.size();
    return std::nullopt;
}

std::optional<Refusal> StrictHead::field(std::string_view line) {
    if (line.front() == ' ' || line.front() == '\t') return bad("a folded header field");
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return bad("a header field has no colon");
    const auto name = line.substr(0, colon);
    if (!isToken(name)) return bad("a header field name is malformed");
    if (name.size() > limits_->nameBytes) return Refusal{431, "a header field name is too long"};
    const auto value = trimOws(line.substr(colon + 1));
    if (value.size() > limits_->valueBytes) return Refusal{431, "a header field value is too long"};
    if (!isFieldValue(value)) return bad("a header field value holds a control character");
    if (++fields_ > limits_->fields) return Refusal{431, "too many header fields"};
    return framing(name, value);
}

std::optional<Refusal> StrictHead::unfinished(std::string_view line) const {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return lineAt_ == 0 ? unfinishedRequestLine(line) : unfinishedField(line);
}

// What can be judged before the end of a line, and is judged the same after it: nothing may grow without bound, and bytes that
// are no HTTP at all (a TLS hello, for one) are answered at once instead of after the deadline.
std::optional<Refusal> StrictHead::unfinishedRequestLine(std::string_view line) const {
    const auto space = line.find(' ');
    const auto method = line.substr(0, space).substr(0, kLongestMethod + 1);
    if (!std::all_of(method.begin(), method.end(), isTokenChar)) return bad("the request line is malformed");
    if (method.size() > kLongestMethod) return Refusal{501, "the method is not implemented"};
    if (space == std::string_view::npos) return std::nullopt;
    const auto rest = line.substr(space + 1);
    const auto next = rest.find(' ');
    if (rest.substr(0, next).size() > limits_->targetBytes) return Refusal{414, "the request target is too long"};
    if (next != std::string_view::npos && rest.size() - next - 1 > kVersionSize) return bad("the HTTP version is malformed");
    return std::nullopt;
}

std::optional<Refusal> StrictHead::unfinishedField(std::string_view line) const {
    if (line.size() > limits_->nameBytes + limits_->valueBytes + 4) return Refusal{431, "a header field is too long"};
    return std::nullopt;
}

std::optional<Refusal> StrictHead::framing(std::string_view name, std::string_view value) {
    const auto is = [&](std::string_view other) { return name.size() == other.size() && base::equalIgnoreCase(name, other); };
    switch (name.size()) {
        case 4:
            if (is("host")) {
                if (++hosts_ > 1) return bad("more than one Host");
                if (!isHost(value)) return bad("the Host is malformed");
            }
            break;
        case 6:
            if (is("expect")) {
                if (!base::equalIgnoreCase(value, "100-continue")) return Refusal{417, "the expectation is not known"};
                expectsContinue_ = true;
            }
            break;
        case 10:
            if (is("connection")) {
                close_ = close_ || hasToken(value, "close");
                keepAlive_ = keepAlive_ || hasToken(value, "keep-alive");
            }
            break;
        case 14:
            if (is("content-length")) {
                if (contentLength_) return bad("more than one Content-Length");
                if (value.empty() || value.size() > 19 || !std::all_of(value.begin(), value.end(), isDigit))
                    return bad("the Content-Length is malformed");
                std::uint64_t length = 0;
                for (const char c : value) length = length * 10 + static_cast<std::uint64_t>(c - '0');
                contentLength_ = length;
            }
            break;
        case 17:
            if (is("transfer-encoding")) {
                if (++transferEncodings_ > 1) return bad("more than one Transfer-Encoding");
                if (http10_) return bad("Transfer-Encoding in HTTP/1.0");
                if (!base::equalIgnoreCase(value, "chunked")) return Refusal{501, "the transfer coding is not implemented"};
            }
            break;
        default: break;
    }
    return std::nullopt;
}

std::optional<Refusal> StrictHead::complete() const {
    if (contentLength_ && transferEncodings_ > 0) return bad("Content-Length together with Transfer-Encoding");
    if (hosts_ == 0 && !http10_) return bad("the Host is missing");
    return std::nullopt;
}

HeadFacts StrictHead::facts(std::string_view bytes) const {
    HeadFacts facts;
    facts.size = lineAt_;
    facts.methodText = bytes.substr(0, methodSize_);
    facts.method = methodOf(facts.methodText);
    facts.target = bytes.substr(targetAt_, targetSize_);
    const auto mark = facts.target.find('?');
    facts.path = facts.target.substr(0, mark);
    if (mark != std::string_view::npos) facts.query = facts.target.substr(mark + 1);
    facts.fields = fields_;
    facts.contentLength = contentLength_;
    facts.chunked = transferEncodings_ > 0;
    facts.keepAlive = !close_ && (!http10_ || keepAlive_);
    facts.http10 = http10_;
    facts.expectsContinue = expectsContinue_ && !http10_;
    return facts;
}

}  // namespace agentidp::http
