#pragma once
/// @file kernel/http/response_writer.h
/// A Response as bytes. Writes Date, Content-Length and Connection, and nothing else of its own. Inside http/ only.
#include <ctime>
#include <string>
#include <string_view>

#include "http/message.h"

namespace agentidp::http {

/// How the request at hand wants to be answered.
struct Framing {
    bool headOnly = false;  ///< HEAD: the length of the body, not the body
    bool close = false;
    bool http10 = false;  ///< keep-alive must be said aloud
};

/// Appends the whole response. False, and nothing appended, if a header field could break out of its line or a status is no
/// status: a bug of whoever made the response, which must not become response splitting.
[[nodiscard]] bool writeResponse(std::string& out, const Response& response, const Framing& framing, std::string_view date);

/// The text of the Date field, written once a second. One thread.
class DateText {
public:
    [[nodiscard]] std::string_view now();

private:
    std::time_t second_ = 0;
    std::string text_;
};

[[nodiscard]] std::string_view reasonOf(int status);

}  // namespace agentidp::http
