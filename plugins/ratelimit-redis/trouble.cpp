#include "trouble.h"

#include <array>
#include <utility>

namespace agentidp::ratelimit_redis {
namespace {

constexpr std::size_t kMaxQuoted = 160;

constexpr std::array kCodes{
    std::pair{std::string_view("NOAUTH"), Cause::WrongPassword}, std::pair{std::string_view("WRONGPASS"), Cause::WrongPassword},
    std::pair{std::string_view("NOPERM"), Cause::NotPermitted},  std::pair{std::string_view("READONLY"), Cause::Replica},
    std::pair{std::string_view("LOADING"), Cause::Loading},      std::pair{std::string_view("MASTERDOWN"), Cause::Loading},
    std::pair{std::string_view("BUSY"), Cause::Loading},         std::pair{std::string_view("OOM"), Cause::Full},
    std::pair{std::string_view("MISCONF"), Cause::NoDisk},       std::pair{std::string_view("MOVED"), Cause::Cluster},
    std::pair{std::string_view("ASK"), Cause::Cluster},          std::pair{std::string_view("CROSSSLOT"), Cause::Cluster},
    std::pair{std::string_view("CLUSTERDOWN"), Cause::Cluster},
};

/// The upper-case word an error begins with; nothing else of it is safe to repeat without looking.
std::string_view codeOf(std::string_view error) {
    const auto end = error.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return error.substr(0, end < 32 ? end : 0);
}

std::string printable(std::string_view text) {
    std::string out(text.substr(0, kMaxQuoted));
    for (char& byte : out)
        if (static_cast<unsigned char>(byte) < 0x20 || static_cast<unsigned char>(byte) >= 0x7f) byte = '?';
    return out;
}

const char* wordsOf(Cause cause) {
    switch (cause) {
        case Cause::Unreachable: return "Redis cannot be reached";
        case Cause::Slow: return "Redis does not answer in time";
        case Cause::Gone: return "the connection to Redis ended";
        case Cause::NotTrusted: return "the certificate of Redis is not trusted; look at tls_ca_file, tls_name and the host in the url";
        case Cause::NotRedis: return "what answers is not Redis; look at host, port, and redis:// against rediss://";
        case Cause::WrongPassword: return "Redis refuses user or password (NOAUTH, WRONGPASS); look at the url";
        case Cause::NotPermitted:
            return "the ACL of the Redis user lacks a command, key or channel (NOPERM); see Privileges in the plugin's page";
        case Cause::Replica: return "the Redis server is a replica and takes no writes (READONLY); name the master, or sentinels";
        case Cause::Loading: return "Redis is not ready yet (LOADING)";
        case Cause::Full: return "Redis has no memory left (OOM); raise maxmemory";
        case Cause::NoDisk: return "Redis refuses writes because it cannot save (MISCONF)";
        case Cause::Cluster: return "the Redis server is a node of a cluster; name a proxy of the cluster, with hash_tags = true";
        case Cause::Failed: break;
    }
    return "Redis refuses a command";
}

}  // namespace

std::string Trouble::text() const { return detail.empty() ? wordsOf(cause) : std::string(wordsOf(cause)) + ": " + detail; }

bool Trouble::isMistake() const {
    return cause == Cause::NotTrusted || cause == Cause::NotRedis || cause == Cause::WrongPassword || cause == Cause::NotPermitted ||
           cause == Cause::Cluster;
}

bool Trouble::endsConnection() const {
    return cause != Cause::Full && cause != Cause::NoDisk && cause != Cause::NotPermitted && cause != Cause::Failed;
}

Trouble troubleOf(std::string_view error, Quote quote) {
    const auto code = codeOf(error);
    for (const auto& [name, cause] : kCodes)
        if (code == name) return {cause, quote == Quote::Yes ? printable(error) : std::string(code)};
    return {Cause::Failed, quote == Quote::Yes ? printable(error) : "code " + std::string(code.empty() ? "unknown" : code)};
}

}  // namespace agentidp::ratelimit_redis
