#pragma once
/// @file kernel/http/message.h
/// A request and a response as values. The only thing the rest of the house sees of HTTP.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/text.h"

namespace agentidp::http {

/// `Other` is any method the listener understands as a token but nobody here serves.
enum class Method { Get, Head, Post, Put, Patch, Delete, Options, Other };
[[nodiscard]] std::string_view nameOf(Method method);  ///< "other" for Other

struct Header {
    std::string name;
    std::string value;
};

/// Fields in the order they came. At most 100.
class Headers {
public:
    void add(std::string_view name, std::string_view value) { fields_.push_back({std::string(name), std::string(value)}); }
    void add(Header&& field) { fields_.push_back(std::move(field)); }
    void reserve(std::size_t fields) { fields_.reserve(fields); }
    /// Replaces every field of that name.
    void set(std::string_view name, std::string_view value);
    /// The first field of that name (ASCII case ignored), or null.
    [[nodiscard]] const std::string* find(std::string_view name) const;
    [[nodiscard]] std::size_t count(std::string_view name) const;
    [[nodiscard]] const std::vector<Header>& all() const { return fields_; }
    /// Moves every field of `other` behind these.
    void splice(Headers&& other) {
        std::move(other.fields_.begin(), other.fields_.end(), std::back_inserter(fields_));
        other.fields_.clear();
    }

private:
    std::vector<Header> fields_;
};

/// Who is at the other end of the connection.
struct Peer {
    std::string address;  ///< textual IP; an IPv4-mapped address is given as IPv4
    bool tls = false;
    std::string clientCertificateDer;  ///< leaf, DER; empty without mutual TLS. Verified against server.tls.client_ca
};

struct Request {
    Method method = Method::Other;
    std::string methodText;
    std::string target;  ///< as received
    std::string path;    ///< percent-decoded never; as received up to '?'
    std::string query;   ///< as received after '?'
    Headers headers;
    std::string body;
    Peer peer;
    base::MonoInstant receivedAt;  ///< when the head was complete
};

struct Response {
    int status = 200;
    Headers headers;  ///< without Content-Length, Connection, Date: the listener writes those
    std::string body;
    bool close = false;  ///< end the connection after it
};

/// Takes the answer. Any thread, exactly once; a Respond that dies unused answers 500 and closes.
using Respond = std::function<void(Response&&)>;
/// Runs on the connection's event loop and must not block.
using Handler = std::function<void(Request&&, Respond)>;

}  // namespace agentidp::http
