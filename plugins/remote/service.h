#pragma once
/// @file plugins/remote/service.h
/// A service of somebody else's that speaks HTTP/1.1, most often over TLS: a key manager, a secret store. One request in, one answer out,
/// always within the deadline of the call, so a server that is gone, frozen or dripping costs its caller that much and no more.
///
/// Never done: a redirect followed, a proxy taken from the environment, a certificate or a host name accepted unchecked, a request repeated
/// that may have taken effect. Bodies are wiped with their values; the library below keeps buffers of 4 KiB that are not.
#include <agentidp/plugin.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agentidp::remote {

struct Settings {
    std::string url;     ///< http[s]://host[:port][/base]; no user, query or fragment
    std::string caFile;  ///< PEM: the only roots that are trusted; empty: the system's
    std::size_t idleConnections = 8;
    std::chrono::milliseconds connect{2'000};    ///< for one address; a host name may have several
    std::chrono::milliseconds keepIdle{30'000};  ///< after that a connection is not used again
    std::size_t largestAnswer = 1U << 20U;       ///< bytes of a body
};

/// A value may be a token.
struct Header {
    std::string name;
    aip::Secret value;
};

struct Request {
    std::string method = "GET";  ///< any token of RFC 9110; GET, HEAD and LIST may be sent again on a fresh connection
    std::string path;            ///< begins with /, percent-encoded where it must be; may have a query; the base of the URL goes before it
    std::vector<Header> headers;
    aip::Secret body;
    std::string contentType = "application/json";  ///< of a body that is not empty
};

struct Answer {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;
    aip::Secret body;

    /// The first of that name whatever its case; empty if there is none.
    [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// Any thread, any number at once. Has a thread of its own that ends with it: a plugin that holds one sets AIP_F_THREADS and lets go of it
/// in stop(). Connections are made by the first request.
class Service {
public:
    /// AIP_E_INVALID: no such URL. AIP_E_DENIED: the CA file cannot be read or holds no certificate.
    static aip::Outcome<std::unique_ptr<Service>> open(Settings settings);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    /// An answer of any status is an answer. AIP_E_DEADLINE, AIP_E_CANCELLED (within 100 ms; a name that the system's resolver does not
    /// answer takes as long as that one takes). AIP_E_DENIED: the certificate is not trusted, or is another host's. AIP_E_INVALID: the
    /// request itself cannot be sent. AIP_E_UNAVAILABLE: everything else, a body over the bound too.
    aip::Outcome<Answer> ask(const Request& request, const aip::Call& call);

    [[nodiscard]] bool encrypted() const;
    /// The host of the URL is this machine by name or address.
    [[nodiscard]] bool local() const;
    /// scheme://host:port, for messages.
    [[nodiscard]] const std::string& origin() const;

private:
    struct Parts;
    explicit Service(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace agentidp::remote
