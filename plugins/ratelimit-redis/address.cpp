#include "address.h"

#include <charconv>

namespace agentidp::ratelimit_redis {
namespace {

constexpr std::uint16_t kPort = 6379;
constexpr std::size_t kMaxUrl = 4'096;
constexpr int kMaxDb = 1'000'000;

aip::Fail wrong(const char* what) { return aip::invalid(std::string("the Redis url is not usable: ") + what); }

template <class Number>
bool readNumber(std::string_view text, Number& into) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc() && end == text.data() + text.size() && (text.size() == 1 || text[0] != '0');
}

int hexDigit(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

/// RFC 3986 section 2.1.
bool decode(std::string_view text, aip::Secret& into) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        char byte = text[i];
        if (byte == '%') {
            if (i + 2 >= text.size()) return false;
            const int high = hexDigit(text[i + 1]), low = hexDigit(text[i + 2]);
            if (high < 0 || low < 0) return false;
            byte = static_cast<char>(high * 16 + low);
            i += 2;
        }
        into.append(&byte, 1);
    }
    return true;
}

bool isHost(std::string_view host) {
    return !host.empty() && host.size() <= 253 &&
           host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == std::string_view::npos;
}

aip::Status readUser(std::string_view info, Address& into) {
    const auto colon = info.find(':');
    if (colon == std::string_view::npos) return wrong("user:password@ lacks its colon; a password alone is written :password@");
    aip::Secret user;
    if (!decode(info.substr(0, colon), user) || !decode(info.substr(colon + 1), into.password))
        return wrong("a percent sign in user or password is not followed by two hexadecimal digits");
    into.user = user.view();
    if (into.password.empty()) return wrong("there is a user and no password");
    return {};
}

}  // namespace

std::string HostPort::text() const { return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port); }

aip::Outcome<HostPort> parseHostPort(std::string_view text, std::uint16_t port) {
    HostPort out;
    out.port = port;
    std::string_view rest;
    if (!text.empty() && text[0] == '[') {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return aip::invalid("an address in brackets has no end");
        out.host = text.substr(1, end - 1);
        if (out.host.find(':') == std::string::npos || out.host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos)
            return aip::invalid("what stands in brackets is no IPv6 address");
        rest = text.substr(end + 1);
    } else {
        const auto colon = text.find(':');
        out.host = text.substr(0, colon);
        if (!isHost(out.host)) return aip::invalid("the host is missing or is no host name");
        if (colon != std::string_view::npos) rest = text.substr(colon);
    }
    if (rest.empty()) return out;
    if (rest[0] != ':' || !readNumber(rest.substr(1), out.port) || out.port == 0)
        return aip::invalid("the port is no number of 1 to 65535");
    return out;
}

aip::Outcome<Address> parseUrl(std::string_view url) {
    Address out;
    if (url.size() > kMaxUrl) return wrong("it is too long");
    for (const char byte : url)
        if (static_cast<unsigned char>(byte) <= 0x20 || static_cast<unsigned char>(byte) >= 0x7f)
            return wrong("it holds a space, a control character or a byte that is not ASCII; write %XX");
    constexpr std::string_view kPlain = "redis://", kTls = "rediss://";
    out.tls = url.substr(0, kTls.size()) == kTls;
    if (!out.tls && url.substr(0, kPlain.size()) != kPlain) return wrong("it begins with neither redis:// nor rediss://");
    auto rest = url.substr(out.tls ? kTls.size() : kPlain.size());
    if (rest.find_first_of("?#") != std::string_view::npos)
        return wrong("parameters behind ? or # are not understood; use the plugin's settings");
    std::string_view path;
    if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
        path = rest.substr(slash + 1);
        rest = rest.substr(0, slash);
    }
    // A password may hold an @ that nobody encoded: the last one ends it. One with a slash is told apart below.
    if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
        if (auto read = readUser(rest.substr(0, at), out); !read) return read.fail();
        rest = rest.substr(at + 1);
    }
    if (path.find('@') != std::string_view::npos) return wrong("a slash in user or password is written %2F");
    if (!path.empty() && (!readNumber(path, out.db) || out.db < 0 || out.db > kMaxDb))
        return wrong("what follows the host is no database number");
    auto at = parseHostPort(rest, kPort);
    if (!at) return wrong(at.fail().message.c_str());
    out.at = std::move(*at);
    return out;
}

}  // namespace agentidp::ratelimit_redis
