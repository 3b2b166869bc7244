#include "address.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>
#include <vector>

namespace agentidp::storage_postgresql {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// How long a cancellation may go unseen.
constexpr milliseconds kLook{50};
constexpr milliseconds kPerHost{2'000};

struct OptionsEnd {
    void operator()(PQconninfoOption* options) const {
        for (PQconninfoOption* option = options; option->keyword != nullptr; ++option)
            if (option->val != nullptr) aip::wipe(option->val, std::strlen(option->val));
        PQconninfoFree(options);
    }
};
struct ProbeEnd {
    void operator()(PGconn* probe) const { PQfinish(probe); }
};

struct Host {
    std::string host, address, port;
};

struct Address {
    aip::Secret pairs;  ///< everything but the hosts
    std::vector<Host> hosts;
    milliseconds perHost = kPerHost;
};

void add(aip::Secret& pairs, std::string_view key, std::string_view value) {
    if (pairs.size() != 0) pairs.append(" ", 1);
    pairs.append(key.data(), key.size());
    pairs.append("=", 1);
    pairs.append(value.data(), value.size());
}

std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= list.size();) {
        const auto comma = std::min(list.find(',', at), list.size());
        parts.emplace_back(list.substr(at, comma - at));
        at = comma + 1;
    }
    return parts;
}

/// The hosts as libpq counts them (manual, section 34.1.1.3): as many as `host` or `hostaddr` has, one port for all or one each.
aip::Outcome<std::vector<Host>> hostsOf(std::string_view hosts, std::string_view addresses, std::string_view ports) {
    const auto host = split(hosts), address = split(addresses), port = split(ports);
    std::vector<Host> found(std::max(host.size(), address.size()));
    const auto fits = [&](const std::vector<std::string>& list, std::string_view given) {
        return given.empty() || list.size() == found.size();
    };
    if (!fits(host, hosts) || !fits(address, addresses) || (port.size() != 1 && port.size() != found.size()))
        return aip::invalid("url names another number of hosts, addresses and ports");
    for (std::size_t i = 0; i < found.size(); ++i)
        found[i] = {hosts.empty() ? "" : host[i], addresses.empty() ? "" : address[i], port[port.size() == 1 ? 0 : i]};
    return found;
}

aip::Outcome<Address> parsed(const aip::Secret& url) {
    std::string zeroed(url.view());
    char* why = nullptr;
    const std::unique_ptr<PQconninfoOption, OptionsEnd> options(PQconninfoParse(zeroed.c_str(), &why));
    aip::wipe(zeroed.data(), zeroed.size());
    if (options == nullptr) {
        // libpq's sentence may quote the whole string, with its password.
        PQfreemem(why);
        return aip::invalid("url is not a PostgreSQL connection string");
    }
    Address out;
    std::string hosts, addresses, ports;
    bool keepalive = false;
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val == nullptr || *option->val == '\0') continue;
        const std::string_view key = option->keyword, value = option->val;
        if (value.find_first_of(" \t\n'\\") != std::string_view::npos)
            return aip::invalid("a value of url holds a space, a quote or a backslash",
                                std::string(key) + "; a password of that kind stands in a password file (passfile=)");
        int seconds = 0;
        if (key == "host") {
            hosts = value;
        } else if (key == "hostaddr") {
            addresses = value;
        } else if (key == "port") {
            ports = value;
        } else if (key == "connect_timeout") {
            if (std::from_chars(value.data(), value.data() + value.size(), seconds).ec == std::errc() && seconds > 0)
                out.perHost = std::chrono::seconds(seconds);
        } else {
            keepalive = keepalive || key == "tcp_user_timeout";
            add(out.pairs, key, value);
        }
    }
    // The shortest that libpq knows.
    add(out.pairs, "connect_timeout", "2");
    if (!keepalive) add(out.pairs, "tcp_user_timeout", "3000");
    add(out.pairs, "application_name", "agentidp");
    auto found = hostsOf(hosts, addresses, ports);
    if (!found) return found.fail();
    out.hosts = std::move(*found);
    return out;
}

aip::Status letsUsIn(const aip::Secret& pairs, milliseconds within, const aip::Call& call) {
    std::string text(pairs.view());
    const std::unique_ptr<PGconn, ProbeEnd> probe(PQconnectStart(text.c_str()));
    aip::wipe(text.data(), text.size());
    const auto until = steady_clock::now() + within;
    for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;) {
        if (PQstatus(probe.get()) == CONNECTION_BAD || state == PGRES_POLLING_FAILED)
            return aip::unavailable("the PostgreSQL server does not answer", trimmed(PQerrorMessage(probe.get())));
        if (auto over = call.check(); !over) return over;
        if (steady_clock::now() >= until) return aip::unavailable("the PostgreSQL server does not answer", "connect");
        pollfd look{PQsocket(probe.get()), static_cast<short>(state == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
        if (::poll(&look, 1, static_cast<int>(kLook.count())) > 0) state = PQconnectPoll(probe.get());
    }
    return {};
}

}  // namespace

std::string trimmed(const char* text) {
    std::string out = text != nullptr ? text : "";
    while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
    std::replace(out.begin(), out.end(), '\n', ' ');
    return out;
}

aip::Outcome<aip::Secret> reachable(const aip::Secret& url, const aip::Call& call) {
    auto address = parsed(url);
    if (!address) return address.fail();
    aip::Fail last = aip::unavailable("the PostgreSQL server does not answer");
    std::size_t left = address->hosts.size();
    for (const auto& host : address->hosts) {
        aip::Secret pairs(std::string(address->pairs.view()));
        if (!host.host.empty()) add(pairs, "host", host.host);
        if (!host.address.empty()) add(pairs, "hostaddr", host.address);
        if (!host.port.empty()) add(pairs, "port", host.port);
        const auto share = std::chrono::duration_cast<milliseconds>(call.left()) / static_cast<int>(left--);
        auto in = letsUsIn(pairs, std::min(address->perHost, share), call);
        if (in) return pairs;
        last = in.fail();
    }
    return last;
}

}  // namespace agentidp::storage_postgresql
