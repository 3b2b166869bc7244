#pragma once
/// @file kernel/http/strict_head.h
/// The first and strictest reader of a request head: RFC 9112 read without its leniencies. Whatever two servers might read
/// differently (RFC 9112 section 11.2, request smuggling) is refused here, before the HTTP library sees a byte of it.
/// No sockets, no allocation, no clock. One object per request; not shared between threads.
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "http/message.h"

namespace agentidp::http {

struct HeadLimits {
    std::size_t headBytes = 64U << 10U;   ///< whole head; more is 431
    std::size_t targetBytes = 8U << 10U;  ///< more is 414
    std::size_t valueBytes = 8U << 10U;   ///< one field value; more is 431
    std::size_t nameBytes = 256;          ///< one field name; more is 431
    std::size_t fields = 100;             ///< more is 431
};

/// Why a request is not served. Always followed by the end of the connection.
struct Refusal {
    int status = 400;
    std::string_view why;  ///< a constant text, fit for the client; never quotes the input
};

struct NeedMore {};

/// What framing and routing need, decided once. Views point into the bytes given to scan().
struct HeadFacts {
    std::size_t size = 0;  ///< bytes of the head, its empty line included
    Method method = Method::Other;
    std::string_view methodText;
    std::string_view target;  ///< origin-form: begins with '/'
    std::string_view path;
    std::string_view query;
    std::size_t fields = 0;
    std::optional<std::uint64_t> contentLength;
    bool chunked = false;
    bool keepAlive = true;
    bool http10 = false;
    bool expectsContinue = false;
};

using HeadOutcome = std::variant<NeedMore, HeadFacts, Refusal>;

/// Reads line by line as bytes arrive, so that a wrong line is refused when it ends and nothing is read twice.
///   400 what is not a request of this grammar, 413 never (the reader of bodies decides), 414 a long target,
///   417 an expectation other than 100-continue, 431 too many or too long fields, 501 a transfer coding or method nobody
///   here implements (CONNECT, TRACE, names with lower-case letters), 505 another version than 1.0 or 1.1.
class StrictHead {
public:
    explicit StrictHead(const HeadLimits& limits) : limits_(&limits) {}

    /// `bytes` is everything received since the head began: it only grows between calls, though it may move in memory.
    /// After HeadFacts or a Refusal the object is spent.
    [[nodiscard]] HeadOutcome scan(std::string_view bytes);

    /// The target as far as it is known, for whoever words a refusal; empty before the request line is complete.
    [[nodiscard]] std::string_view target(std::string_view bytes) const { return bytes.substr(targetAt_, targetSize_); }

private:
    std::optional<Refusal> requestLine(std::string_view line);
    std::optional<Refusal> field(std::string_view line);
    std::optional<Refusal> unfinished(std::string_view line) const;
    std::optional<Refusal> unfinishedRequestLine(std::string_view line) const;
    std::optional<Refusal> unfinishedField(std::string_view line) const;
    std::optional<Refusal> framing(std::string_view name, std::string_view value);
    std::optional<Refusal> complete() const;
    [[nodiscard]] HeadFacts facts(std::string_view bytes) const;

    const HeadLimits* limits_;
    std::size_t lineAt_ = 0;    ///< where the line at hand begins
    std::size_t searched_ = 0;  ///< no line feed before this
    std::size_t methodSize_ = 0;
    std::size_t targetAt_ = 0;
    std::size_t targetSize_ = 0;
    std::size_t fields_ = 0;
    std::optional<std::uint64_t> contentLength_;
    unsigned hosts_ = 0;
    unsigned transferEncodings_ = 0;
    bool http10_ = false;
    bool close_ = false;
    bool keepAlive_ = false;
    bool expectsContinue_ = false;
};

/// True for RFC 9110 section 5.6.2 `token`.
[[nodiscard]] bool isToken(std::string_view text);
/// True if a field value holds no control character but HTAB.
[[nodiscard]] bool isFieldValue(std::string_view text);

}  // namespace agentidp::http
