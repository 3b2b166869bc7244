#include "http/strict_chunks.h"

#include <algorithm>

namespace agentidp::http {
namespace {

constexpr std::size_t kDigits = 16;
constexpr std::size_t kLine = 512;
constexpr std::size_t kTrailers = 8U << 10U;
constexpr std::string_view kEnding = "\r\n\r\n";

Refusal malformed() { return {400, "the body is malformed"}; }

std::optional<unsigned> hexDigit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return std::nullopt;
}

}  // namespace

StrictChunks::Seen StrictChunks::scan(std::string_view bytes) {
    std::size_t at = 0;
    while (at < bytes.size() && state_ != State::Done) {
        if (state_ == State::Data) {
            const auto taken = std::min<std::uint64_t>(size_, bytes.size() - at);
            size_ -= taken;
            at += taken;
            if (size_ == 0) state_ = State::DataReturn;
            continue;
        }
        if (auto refusal = step(bytes[at])) return {at, std::move(refusal)};
        ++at;
    }
    return {at, std::nullopt};
}

std::optional<Refusal> StrictChunks::step(char c) {
    switch (state_) {
        case State::Size: return sizeDigit(c);
        case State::Extension: return extension(c);
        case State::LineFeed: return c == '\n' ? endLine() : malformed();
        case State::DataReturn:
            if (c != '\r') return malformed();
            state_ = State::DataFeed;
            return std::nullopt;
        case State::DataFeed:
            if (c != '\n') return malformed();
            state_ = State::Size;
            line_ = 0;
            return std::nullopt;
        case State::Trailers:
            ending_ = c == kEnding[ending_] ? ending_ + 1 : c == '\r' ? 1 : 0;
            if (++last_ - line_ > kTrailers) return Refusal{431, "the trailers are too large"};
            if (ending_ == kEnding.size()) state_ = State::Done;
            return std::nullopt;
        case State::Data:
        case State::Done: break;
    }
    return malformed();
}

std::optional<Refusal> StrictChunks::sizeDigit(char c) {
    if (const auto digit = hexDigit(c)) {
        if (++line_ > kDigits) return malformed();
        size_ = size_ << 4U | *digit;
        return std::nullopt;
    }
    if (line_ == 0) return malformed();
    // White space before an extension is bad, and allowed to be read (section 7.1.1); Beast decides.
    if (c != '\r' && c != ';' && c != ' ' && c != '\t') return malformed();
    ++line_;
    state_ = c == '\r' ? State::LineFeed : State::Extension;
    return std::nullopt;
}

/// Beast reads a quoted-string to its end, wherever that is; here it is in the line, or nowhere.
std::optional<Refusal> StrictChunks::extension(char c) {
    if (++line_ > kLine) return Refusal{400, "a chunk line is too long"};
    if (c == '\r') {
        if (quoted_) return malformed();
        state_ = State::LineFeed;
        return std::nullopt;
    }
    if (!isFieldValue({&c, 1})) return malformed();
    if (!escaped_ && c == '"') quoted_ = !quoted_;
    escaped_ = quoted_ && !escaped_ && c == '\\';
    return std::nullopt;
}

std::optional<Refusal> StrictChunks::endLine() {
    ++line_;
    if (size_ == 0) {
        state_ = State::Trailers;
        last_ = line_;
        ending_ = 2;
        return std::nullopt;
    }
    if (size_ > bodyLeft_) return Refusal{413, "the body is too large"};
    bodyLeft_ -= size_;
    state_ = State::Data;
    return std::nullopt;
}

}  // namespace agentidp::http
