#include "dialer.h"

namespace agentidp::ratelimit_redis {
namespace {

constexpr std::string_view kName = "agentidp";

/// AUTH alone, so that an error reply to a password is never mistaken for another's.
bool authenticate(Connection& connection, const std::string& user, const aip::Secret& password, Moment until, Trouble& why) {
    if (password.empty()) return true;
    // Not by command(): what it makes is not wiped.
    aip::Secret words;
    const auto add = [&words](std::string_view text) { words.append(text.data(), text.size()); };
    const auto bulk = [&add](std::string_view text) {
        add("$" + std::to_string(text.size()) + "\r\n");
        add(text);
        add("\r\n");
    };
    add(user.empty() ? "*2\r\n" : "*3\r\n");
    bulk("AUTH");
    if (!user.empty()) bulk(user);
    bulk(password.view());
    auto told = connection.exchange(words.view(), 1, until, why);
    if (!told) return false;
    const Reply& reply = told->front();
    if (!reply.isError()) return true;
    why = troubleOf(reply.text, Quote::No);
    // A server without users says ERR to a password that it never asked for; whatever it says, it did not let us in.
    if (why.cause == Cause::Failed) why = {Cause::WrongPassword, why.detail};
    return false;
}

bool isMaster(const Reply& role) { return role.kind == Reply::Kind::Array && !role.items.empty() && role.items[0].text == "master"; }

}  // namespace

bool Dialer::logIn(Connection& connection, Moment until, Trouble& why) const {
    if (!authenticate(connection, how_.address.user, how_.address.password, until, why)) return false;
    auto told = connection.exchange(command({"PING"}) + command({"SELECT", std::to_string(how_.address.db)}) + command({"ROLE"}) +
                                        command({"CLIENT", "SETNAME", kName}),
                                    4, until, why);
    if (!told) return false;
    const auto& ping = (*told)[0];
    const auto& select = (*told)[1];
    const auto& role = (*told)[2];
    for (const auto* reply : {&ping, &select}) {
        if (!reply->isError()) continue;
        why = troubleOf(reply->text);
        // A proxy of a cluster knows no databases, and has just the one that nobody asked to leave.
        if (reply == &select && how_.address.db == 0 && why.cause == Cause::Failed) continue;
        return false;
    }
    if (ping.text != "PONG") {
        why = {Cause::NotRedis, connection.peer().text()};
        return false;
    }
    // An ACL or a proxy may refuse ROLE; then the first write tells.
    const bool replica = role.isError() ? !how_.sentinels.empty() : !isMaster(role);
    if (replica) why = {Cause::Replica, connection.peer().text()};
    return !replica;
}

std::unique_ptr<Connection> Dialer::dialServer(const HostPort& at, Trouble& why) const {
    const auto until = std::chrono::steady_clock::now() + how_.within;
    auto connection = Connection::open(at, how_.trust, until, why);
    if (!connection || !logIn(*connection, until, why)) return nullptr;
    return connection;
}

bool Dialer::askSentinel(const HostPort& sentinel, HostPort& master, Trouble& why) const {
    const auto until = std::chrono::steady_clock::now() + how_.within;
    auto connection = Connection::open(sentinel, how_.trust, until, why);
    if (!connection || !authenticate(*connection, {}, how_.sentinelPassword, until, why)) return false;
    auto told = connection->exchange(command({"SENTINEL", "get-master-addr-by-name", how_.master}), 1, until, why);
    if (!told) return false;
    const Reply& reply = told->front();
    if (reply.isError()) {
        why = troubleOf(reply.text);
        return false;
    }
    if (reply.kind != Reply::Kind::Array || reply.items.size() != 2) {
        why = {Cause::Unreachable, "the Sentinel " + sentinel.text() + " knows no master of that name"};
        return false;
    }
    const auto& host = reply.items[0].text;
    auto at = parseHostPort((host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + reply.items[1].text, 0);
    if (!at) {
        why = {Cause::NotRedis, "the Sentinel " + sentinel.text() + " names no host and port"};
        return false;
    }
    master = std::move(*at);
    return true;
}

std::unique_ptr<Connection> Dialer::dial(const std::atomic<bool>& stopping, Trouble& why) const {
    if (how_.sentinels.empty()) return dialServer(how_.address.at, why);
    for (const auto& sentinel : how_.sentinels) {
        if (stopping) break;
        HostPort master;
        // A Sentinel that is cut off from the others may still name the old master: then the next one is asked.
        if (!askSentinel(sentinel, master, why) || stopping) continue;
        if (auto connection = dialServer(master, why)) return connection;
    }
    return nullptr;
}

}  // namespace agentidp::ratelimit_redis
