#pragma once
/// @file kernel/http/strict_chunks.h
/// The framing of a chunked body (RFC 9112 section 7.1), byte by byte, so that a verdict never depends on how the bytes came: sizes of at
/// most 16 hexadecimal digits, lines that end in CRLF and nothing else, bounds on lines, trailers and the body, quotes that end in
/// their line. What extensions and trailers mean is not looked at here. One object per message; not shared between threads.
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/strict_head.h"

namespace agentidp::http {

class StrictChunks {
public:
    explicit StrictChunks(std::size_t bodyLimit) : bodyLeft_(bodyLimit) {}

    struct Seen {
        std::size_t good = 0;  ///< so many of the bytes are of this message and in order
        /// 400 malformed, or a line of more than 512 bytes; 413 the body, 431 more than 8 KiB of trailers.
        std::optional<Refusal> refusal;
    };
    /// The next bytes, up to the end of the message. Nothing may follow a refusal.
    [[nodiscard]] Seen scan(std::string_view bytes);
    [[nodiscard]] bool done() const { return state_ == State::Done; }
    /// How many of the bytes seen are the last chunk's line and what stands behind it; 0 before that line is complete.
    [[nodiscard]] std::size_t last() const { return last_; }

private:
    enum class State { Size, Extension, LineFeed, Data, DataReturn, DataFeed, Trailers, Done };
    [[nodiscard]] std::optional<Refusal> step(char c);
    [[nodiscard]] std::optional<Refusal> sizeDigit(char c);
    [[nodiscard]] std::optional<Refusal> extension(char c);
    [[nodiscard]] std::optional<Refusal> endLine();

    State state_ = State::Size;
    std::uint64_t size_ = 0;  ///< of the chunk; what is left of it in Data
    std::size_t line_ = 0;    ///< bytes of the chunk's line
    bool quoted_ = false;     ///< inside a quoted-string of an extension
    bool escaped_ = false;    ///< and behind a backslash there
    std::size_t bodyLeft_;
    std::size_t last_ = 0;
    unsigned ending_ = 0;  ///< in Trailers: how much of CRLF CRLF was just seen
};

}  // namespace agentidp::http
