#include "http/response_writer.h"

#include <array>
#include <charconv>
#include <cstdio>

#include "http/strict_head.h"

namespace agentidp::http {
namespace {

bool isSound(const Response& response) {
    if (response.status < 200 || response.status > 599) return false;
    for (const auto& field : response.headers.all()) {
        if (!isToken(field.name) || !isFieldValue(field.value)) return false;
    }
    return true;
}

void append(std::string& out, std::uint64_t number) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

}  // namespace

std::string_view reasonOf(int status) {
    switch (status) {
        case 200: return "OK";
        case 201: return "Created";
        case 202: return "Accepted";
        case 204: return "No Content";
        case 302: return "Found";
        case 303: return "See Other";
        case 304: return "Not Modified";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 412: return "Precondition Failed";
        case 413: return "Content Too Large";
        case 414: return "URI Too Long";
        case 415: return "Unsupported Media Type";
        case 417: return "Expectation Failed";
        case 422: return "Unprocessable Content";
        case 428: return "Precondition Required";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        case 505: return "HTTP Version Not Supported";
        default: return "";  // RFC 9112 section 4: the reason may be empty
    }
}

bool writeResponse(std::string& out, const Response& response, const Framing& framing, std::string_view date) {
    if (!isSound(response)) return false;
    std::size_t need = 128 + response.body.size();
    for (const auto& field : response.headers.all()) need += field.name.size() + field.value.size() + 4;
    out.reserve(out.size() + need);

    out += "HTTP/1.1 ";
    append(out, static_cast<std::uint64_t>(response.status));
    out += ' ';
    out += reasonOf(response.status);
    out += "\r\nDate: ";
    out += date;
    out += "\r\n";
    for (const auto& field : response.headers.all()) {
        out += field.name;
        out += ": ";
        out += field.value;
        out += "\r\n";
    }
    // RFC 9110 section 8.6: none in a 204; in a 304 it would speak of another answer's body.
    const bool bodiless = response.status == 204 || response.status == 304;
    if (!bodiless) {
        out += "Content-Length: ";
        append(out, response.body.size());
        out += "\r\n";
    }
    if (framing.close) {
        out += "Connection: close\r\n";
    } else if (framing.http10) {
        out += "Connection: keep-alive\r\n";
    }
    out += "\r\n";
    if (!bodiless && !framing.headOnly) out += response.body;
    return true;
}

std::string_view DateText::now() {
    const std::time_t second = std::time(nullptr);
    if (second == second_ && !text_.empty()) return text_;
    second_ = second;
    std::tm utc{};
    gmtime_r(&second, &utc);
    constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::array<char, 64> text{};
    const int size =
        std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[static_cast<std::size_t>(utc.tm_wday)],
                      utc.tm_mday, kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
    text_.assign(text.data(), static_cast<std::size_t>(size));
    return text_;
}

}  // namespace agentidp::http
