#include "http/forwarded.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

namespace agentidp::http {
namespace {

using Address = std::array<std::uint8_t, 16>;
constexpr Address kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0};

struct Parsed {
    Address bytes{};
    bool ipv4 = false;
};

std::optional<Parsed> parseAddress(std::string_view text) {
    const std::string copy(text);
    Parsed parsed;
    if (inet_pton(AF_INET6, copy.c_str(), parsed.bytes.data()) == 1) {
        parsed.ipv4 = std::equal(kMapped.begin(), kMapped.begin() + 12, parsed.bytes.begin());
        return parsed;
    }
    parsed.bytes = kMapped;
    parsed.ipv4 = true;
    if (inet_pton(AF_INET, copy.c_str(), parsed.bytes.data() + 12) == 1) return parsed;
    return std::nullopt;
}

std::string textOf(const Parsed& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.ipv4) {
        inet_ntop(AF_INET, address.bytes.data() + 12, text.data(), text.size());
    } else {
        inet_ntop(AF_INET6, address.bytes.data(), text.data(), text.size());
    }
    return text.data();
}

// Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`.
std::optional<Parsed> parseEntry(std::string_view text) {
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        return end == std::string_view::npos ? std::nullopt : parseAddress(text.substr(1, end - 1));
    }
    if (std::count(text.begin(), text.end(), ':') == 1) text = text.substr(0, text.find(':'));
    return parseAddress(text);
}

// All fields of that name are one list (RFC 9110 section 5.3).
std::vector<std::string> listOf(const Headers& headers, std::string_view name) {
    std::vector<std::string> entries;
    for (const auto& field : headers.all()) {
        if (!base::equalIgnoreCase(field.name, name)) continue;
        for (const auto& part : base::split(field.value, ',')) entries.emplace_back(base::trim(part));
    }
    return entries;
}

}  // namespace

base::Result<TrustedProxies> TrustedProxies::parse(const std::vector<std::string>& blocks) {
    TrustedProxies proxies;
    for (const auto& raw : blocks) {
        const std::string text(base::trim(raw));
        if (text == "loopback") {
            proxies.blocks_.push_back({parseAddress("127.0.0.0")->bytes, 96 + 8});
            proxies.blocks_.push_back({parseAddress("::1")->bytes, 128});
            continue;
        }
        const auto slash = text.find('/');
        const auto address = parseAddress(std::string_view(text).substr(0, slash));
        if (!address) return base::fail(base::Errc::Invalid, "not an IP address or CIDR block: " + text);
        const bool written4 = text.find(':') == std::string::npos;
        const std::int64_t most = written4 ? 32 : 128;
        const auto bits = slash == std::string::npos ? std::optional<std::int64_t>(most) : base::parseInt(text.substr(slash + 1));
        if (!bits || *bits < 0 || *bits > most) return base::fail(base::Errc::Invalid, "not an IP address or CIDR block: " + text);
        proxies.blocks_.push_back({address->bytes, static_cast<unsigned>(*bits) + (written4 ? 96U : 0U)});
    }
    return proxies;
}

bool TrustedProxies::contains(std::string_view address) const {
    if (blocks_.empty()) return false;
    const auto parsed = parseAddress(address);
    if (!parsed) return false;
    return std::any_of(blocks_.begin(), blocks_.end(), [&](const Block& block) {
        const unsigned whole = block.bits / 8;
        if (!std::equal(block.network.begin(), block.network.begin() + whole, parsed->bytes.begin())) return false;
        const unsigned rest = block.bits % 8;
        if (rest == 0) return true;
        const auto mask = static_cast<std::uint8_t>(0xFFU << (8U - rest));
        return (block.network[whole] & mask) == (parsed->bytes[whole] & mask);
    });
}

void TrustedProxies::apply(Request& request) const {
    if (blocks_.empty() || !contains(request.peer.address)) return;
    if (request.headers.find("X-Forwarded-Proto") != nullptr) {
        const auto protocols = listOf(request.headers, "X-Forwarded-Proto");
        request.peer.tls = base::equalIgnoreCase(protocols.back(), "https");
    }
    if (request.headers.find("X-Forwarded-For") == nullptr) return;
    const auto hops = listOf(request.headers, "X-Forwarded-For");
    std::optional<Parsed> caller;
    for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
        const auto parsed = parseEntry(*hop);
        if (!parsed) break;
        caller = parsed;
        if (!contains(textOf(*parsed))) break;
    }
    if (!caller) return;
    request.peer.address = textOf(*caller);
    request.peer.clientCertificateDer.clear();
}

}  // namespace agentidp::http
