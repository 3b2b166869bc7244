/// re, set, net, time, hash, json, log and counter.
#include <arpa/inet.h>
#include <re2/re2.h>

#include <array>
#include <chrono>
#include <cstring>

#include "base/text.h"
#include "crypto/hash.h"
#include "policy/caches.h"
#include "policy/host.h"

namespace agentidp::policy::sandbox {
namespace {

constexpr int kMostCaptures = 16;
constexpr std::int64_t kStepsPerUnit = 8;
constexpr lua_Integer kMostItems = 10'000;         ///< of a list given to set
constexpr lua_Integer kMostOffset = 14 * 60;       ///< minutes from UTC
constexpr std::int64_t kUnitsPerPattern = 500;     ///< for compiling one
constexpr lua_Integer kMostWindow = 24 * 60 * 60;  ///< seconds of a counter
constexpr std::size_t kMostCounterName = 128;

/// The items of a list of texts and numbers.
struct Items {
    std::vector<std::string> keys;
    explicit Items(State& state, lua_State* lua, int index, std::string_view what) {
        const auto size = listAt(state, lua, index, what);
        if (size > kMostItems) state.wrong(std::string(what) + ": more than 10000 items");
        state.charge(size * 4);
        for (lua_Integer i = 1; i <= size; ++i) {
            lua_geti(lua, index, i);
            if (lua_type(lua, -1) != LUA_TSTRING) state.wrong(std::string(what) + ": an item is no text");
            keys.emplace_back(textAt(state, lua, -1, what));
            lua_pop(lua, 1);
        }
    }
};

int pushList(State& state, lua_State* lua, const std::vector<std::string>& items) {
    lua_createtable(lua, static_cast<int>(items.size()), 0);
    for (std::size_t i = 0; i < items.size(); ++i) {
        pushText(state, lua, items[i]);
        lua_rawseti(lua, -2, static_cast<lua_Integer>(i) + 1);
    }
    return 1;
}

int pushSelected(State& state, lua_State* lua, std::string_view what, bool inBoth) {
    const Items left(state, lua, 1, what);
    const Items right(state, lua, 2, what);
    const std::unordered_set<std::string_view> other(right.keys.begin(), right.keys.end());
    std::vector<std::string> kept;
    for (const auto& item : left.keys)
        if (other.contains(item) == inBoth) kept.push_back(item);
    return pushList(state, lua, kept);
}

/// An address as 16 bytes (IPv4 mapped into IPv6), or nothing.
std::optional<std::array<std::uint8_t, 16>> addressOf(std::string_view text, bool& four) {
    std::array<char, INET6_ADDRSTRLEN + 1> name{};
    if (text.size() >= name.size()) return std::nullopt;
    std::memcpy(name.data(), text.data(), text.size());
    if (std::strlen(name.data()) != text.size()) return std::nullopt;
    std::array<std::uint8_t, 16> bytes{};
    four = text.find(':') == std::string_view::npos;
    if (!four) {
        if (inet_pton(AF_INET6, name.data(), bytes.data()) != 1) return std::nullopt;
        return bytes;
    }
    bytes[10] = bytes[11] = 0xFF;
    if (inet_pton(AF_INET, name.data(), bytes.data() + 12) != 1) return std::nullopt;
    return bytes;
}

/// Nothing where it is no network.
std::optional<bool> holds(std::string_view network, const std::array<std::uint8_t, 16>& address) {
    const auto slash = network.find('/');
    bool four = false;
    const auto base = addressOf(network.substr(0, slash), four);
    if (!base) return std::nullopt;
    std::int64_t bits = 128;
    if (slash != std::string_view::npos) {
        const auto given = base::parseInt(network.substr(slash + 1));
        if (!given || *given < 0 || *given > (four ? 32 : 128)) return std::nullopt;
        bits = four ? *given + 96 : *given;
    }
    for (std::size_t i = 0; i < 16 && bits > 0; ++i, bits -= 8) {
        const unsigned mask = bits >= 8 ? 0xFFU : (0xFFU << static_cast<unsigned>(8 - bits)) & 0xFFU;
        if ((((*base)[i] ^ address[i]) & mask) != 0) return false;
    }
    return true;
}

std::chrono::sys_seconds localTime(State& state, lua_State* lua, std::string_view what) {
    const auto offset = integerOr(state, lua, 1, what, 0);
    if (offset < -kMostOffset || offset > kMostOffset) state.wrong(std::string(what) + ": the offset is minutes, -840 to 840");
    return std::chrono::floor<std::chrono::seconds>(state.options().now) + std::chrono::minutes(offset);
}

lua_Integer weekdayOf(std::chrono::sys_seconds at) {
    return static_cast<lua_Integer>(std::chrono::weekday(std::chrono::floor<std::chrono::days>(at)).iso_encoding());
}

}  // namespace

int reMatch(State& state, lua_State* lua) {
    const auto text = textAt(state, lua, 1, "re.match");
    const auto pattern = textAt(state, lua, 2, "re.match");
    auto& patterns = *state.environment().patterns;
    if (pattern.size() > kMostPatternBytes && !state.without(Restriction::PatternSize)) state.wrong("re.match: a pattern over 4096 bytes");
    auto found = patterns.find(pattern);
    if (!found) {
        state.charge(kUnitsPerPattern + static_cast<std::int64_t>(pattern.size()) * 8);
        found = patterns.compile(pattern, state.without(Restriction::PatternSize), state.without(Restriction::PatternCount));
        if (!found) state.wrong("re.match: more than 256 patterns in one script");
    }
    if (!(*found)->ok()) state.wrong("re.match: the pattern is wrong, or too large: " + (*found)->error().substr(0, 80));
    // At its worst RE2 looks at each instruction of the pattern for each byte.
    state.charge(static_cast<std::int64_t>(text.size()) * (*found)->ProgramSize() / kStepsPerUnit);
    const int captures = std::min((*found)->NumberOfCapturingGroups(), kMostCaptures);
    std::array<re2::StringPiece, kMostCaptures + 1> groups;
    if (!(*found)->Match({text.data(), text.size()}, 0, text.size(), RE2::UNANCHORED, groups.data(), captures + 1)) {
        lua_pushnil(lua);
        return 1;
    }
    luaL_checkstack(lua, captures + 1, "re.match");
    for (int i = captures == 0 ? 0 : 1; i <= captures; ++i) {
        const auto& group = groups[static_cast<std::size_t>(i)];
        group.data() == nullptr ? lua_pushnil(lua) : pushText(state, lua, {group.data(), group.size()});
    }
    return std::max(captures, 1);
}

int setOf(State& state, lua_State* lua) {
    const Items items(state, lua, 1, "set.of");
    lua_createtable(lua, 0, static_cast<int>(items.keys.size()));
    for (const auto& item : items.keys) {
        lua_pushlstring(lua, item.data(), item.size());
        lua_pushboolean(lua, 1);
        lua_rawset(lua, -3);
    }
    return 1;
}
int setHas(State& state, lua_State* lua) {
    const auto size = listAt(state, lua, 1, "set.has");
    const auto wanted = textAt(state, lua, 2, "set.has");
    bool has = false;
    for (lua_Integer i = 1; i <= size && !has; ++i) {
        lua_geti(lua, 1, i);
        state.charge(1);
        has = lua_type(lua, -1) == LUA_TSTRING && textAt(state, lua, -1, "set.has") == wanted;
        lua_pop(lua, 1);
    }
    lua_pushboolean(lua, has ? 1 : 0);
    return 1;
}
int setUnion(State& state, lua_State* lua) {
    const Items left(state, lua, 1, "set.union");
    const Items right(state, lua, 2, "set.union");
    std::unordered_set<std::string_view> seen;
    std::vector<std::string> joined;
    for (const auto* items : {&left, &right})
        for (const auto& item : items->keys)
            if (seen.insert(item).second) joined.push_back(item);
    return pushList(state, lua, joined);
}
int setIntersect(State& state, lua_State* lua) { return pushSelected(state, lua, "set.intersect", true); }
int setMinus(State& state, lua_State* lua) { return pushSelected(state, lua, "set.minus", false); }
int setSubset(State& state, lua_State* lua) {
    const Items part(state, lua, 1, "set.subset");
    const Items whole(state, lua, 2, "set.subset");
    const std::unordered_set<std::string_view> all(whole.keys.begin(), whole.keys.end());
    bool is = true;
    for (const auto& item : part.keys) is = is && all.contains(item);
    lua_pushboolean(lua, is ? 1 : 0);
    return 1;
}

int netInCidrs(State& state, lua_State* lua) {
    bool four = false;
    const auto address = addressOf(textAt(state, lua, 1, "net.in_cidrs"), four);
    const Items networks(state, lua, 2, "net.in_cidrs");
    bool any = false;
    for (const auto& network : networks.keys) {
        const auto is = holds(network, address.value_or(std::array<std::uint8_t, 16>{}));
        if (!is) state.wrong("net.in_cidrs: an item is no network such as 10.0.0.0/8");
        any = any || *is;
    }
    lua_pushboolean(lua, any && address ? 1 : 0);
    return 1;
}

int timeNow(State& state, lua_State* lua) {
    lua_pushinteger(lua, base::epochSecondsOf(state.options().now));
    return 1;
}
int timeIso(State& state, lua_State* lua) {
    constexpr lua_Integer kLast = 253402300799;  // the year 9999
    const auto at = integerOr(state, lua, 1, "time.iso", base::epochSecondsOf(state.options().now));
    if (at < 0 || at > kLast) state.wrong("time.iso: not between the years 1970 and 9999");
    const auto text = base::rfc3339(base::Instant(base::seconds(at)));
    pushText(state, lua, text.substr(0, 19) + "Z");
    return 1;
}
int timeParts(State& state, lua_State* lua) {
    const auto at = localTime(state, lua, "time.parts");
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(at - day);
    const std::array<std::pair<const char*, lua_Integer>, 7> parts{{{"year", static_cast<int>(date.year())},
                                                                    {"month", static_cast<unsigned>(date.month())},
                                                                    {"day", static_cast<unsigned>(date.day())},
                                                                    {"hour", clock.hours().count()},
                                                                    {"minute", clock.minutes().count()},
                                                                    {"second", clock.seconds().count()},
                                                                    {"weekday", weekdayOf(at)}}};
    lua_createtable(lua, 0, static_cast<int>(parts.size()));
    for (const auto& [name, value] : parts) {
        lua_pushinteger(lua, value);
        lua_setfield(lua, -2, name);
    }
    return 1;
}
int timeWeekday(State& state, lua_State* lua) {
    lua_pushinteger(lua, weekdayOf(localTime(state, lua, "time.weekday")));
    return 1;
}
int timeHour(State& state, lua_State* lua) {
    const auto at = localTime(state, lua, "time.hour");
    lua_pushinteger(lua, std::chrono::floor<std::chrono::hours>(at - std::chrono::floor<std::chrono::days>(at)).count());
    return 1;
}

int hashSha256(State& state, lua_State* lua) {
    const auto text = textAt(state, lua, 1, "hash.sha256");
    state.chargeBytes(text.size() * 4);
    const auto digest = crypto::sha256(base::bytesOf(text));
    pushText(state, lua, base::hex(digest));
    return 1;
}

int jsonEncode(State& state, lua_State* lua) {
    const auto& budget = state.options().budget;
    pushText(state, lua, base::json::write(copyOut(state, lua, 1, {budget.result, budget.depth})));
    return 1;
}

int hostLog(State& state, lua_State* lua) {
    lua_settop(lua, 1);
    if (lua_type(lua, 1) != LUA_TSTRING) baseToString(state, lua);
    const auto text = textAt(state, lua, -1, "log");
    const bool unbounded = state.without(Restriction::LogBound);
    if (state.logged.size() >= kMostLogLines && !unbounded) return 0;
    auto line = std::string(text.substr(0, unbounded ? text.size() : kMostLogBytes));
    while (!line.empty() && !base::isUtf8(line)) line.pop_back();
    state.logged.push_back(std::move(line));
    return 0;
}

namespace {

int count(State& state, lua_State* lua, std::string_view what, lua_Integer n, int windowAt) {
    const auto name = textAt(state, lua, 1, what);
    const auto window = integerAt(state, lua, windowAt, what);
    if (name.empty() || name.size() > kMostCounterName) state.wrong(std::string(what) + ": a name has 1 to 128 bytes");
    if (window < 1 || window > kMostWindow) state.wrong(std::string(what) + ": the window is 1 to 86400 seconds");
    const auto sum = state.environment().counters->add(name, n, base::epochSecondsOf(state.options().now), window,
                                                       state.without(Restriction::CounterBound));
    if (!sum) state.wrong(std::string(what) + ": more than 10000 counters in one script");
    lua_pushinteger(lua, *sum);
    return 1;
}

}  // namespace

int counterAdd(State& state, lua_State* lua) {
    constexpr lua_Integer kMostAtOnce = 1'000'000;
    const auto n = integerAt(state, lua, 2, "counter.add");
    if (n < 0 || n > kMostAtOnce) state.wrong("counter.add: 0 to 1000000 at once");
    return count(state, lua, "counter.add", n, 3);
}
int counterGet(State& state, lua_State* lua) { return count(state, lua, "counter.get", 0, 2); }

}  // namespace agentidp::policy::sandbox
