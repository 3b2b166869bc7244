/// string, utf8 and str: each charges for the bytes it reads and writes.
#include <algorithm>

#include "base/text.h"
#include "policy/host.h"

namespace agentidp::policy::sandbox {
namespace {

constexpr lua_Integer kMostValues = 1024;  ///< that string.byte gives at once

/// A place as Lua counts: from 1, or from the end where it is negative; at least 1.
lua_Integer placeOf(lua_Integer at, std::size_t size) {
    const auto length = static_cast<lua_Integer>(size);
    if (at > 0) return at;
    if (at == 0 || at < -length) return 1;
    return length + at + 1;
}

std::string_view rangeOf(std::string_view text, lua_Integer first, lua_Integer last) {
    const auto length = static_cast<lua_Integer>(text.size());
    const auto from = placeOf(first, text.size());
    const auto to = last > length ? length : last >= 0 ? last : last < -length ? 0 : length + last + 1;
    if (from > to) return {};
    return text.substr(static_cast<std::size_t>(from) - 1, static_cast<std::size_t>(to - from) + 1);
}

template <class Change>
int changed(State& state, lua_State* lua, std::string_view what, Change change) {
    std::string text(textAt(state, lua, 1, what));
    change(text);
    pushText(state, lua, text);
    return 1;
}

void appendUtf8(std::string& out, std::uint32_t point) {
    const auto byte = [&](std::uint32_t value) { out.push_back(static_cast<char>(value)); };
    if (point < 0x80) return byte(point);
    if (point < 0x800) {
        byte(0xC0 | (point >> 6U));
    } else {
        if (point < 0x10000) {
            byte(0xE0 | (point >> 12U));
        } else {
            byte(0xF0 | (point >> 18U));
            byte(0x80 | ((point >> 12U) & 0x3FU));
        }
        byte(0x80 | ((point >> 6U) & 0x3FU));
    }
    byte(0x80 | (point & 0x3FU));
}

/// std::string_view::find, whose work is text times what at its worst: charged for what it really compares.
std::size_t findCharged(State& state, std::string_view text, std::string_view what, std::size_t at) {
    if (what.empty()) return at;
    while (at + what.size() <= text.size()) {
        at = text.find(what.front(), at);
        if (at == std::string_view::npos || at + what.size() > text.size()) break;
        const auto* differs = std::mismatch(what.begin(), what.end(), text.begin() + at).first;
        if (differs == what.end()) return at;
        state.charge(1 + (differs - what.begin()) / static_cast<std::ptrdiff_t>(kBytesPerUnit));
        ++at;
    }
    return std::string_view::npos;
}

/// Backtracks to the last star only: text times glob at worst, and charged for each step.
bool globMatches(State& state, std::string_view text, std::string_view glob) {
    constexpr auto kNone = std::string_view::npos;
    std::size_t at = 0;
    std::size_t in = 0;
    std::size_t star = kNone;
    std::size_t retry = 0;
    for (std::size_t step = 0; at < text.size(); ++step) {
        if (step % kBytesPerUnit == 0) state.charge(1);
        if (in < glob.size() && glob[in] == '*') {
            star = in++;
            retry = at;
        } else if (in < glob.size() && (glob[in] == '?' || glob[in] == text[at])) {
            ++at;
            ++in;
        } else if (star != kNone) {
            in = star + 1;
            at = ++retry;
        } else {
            return false;
        }
    }
    while (in < glob.size() && glob[in] == '*') ++in;
    return in == glob.size();
}

}  // namespace

int stringByte(State& state, lua_State* lua) {
    const auto text = textAt(state, lua, 1, "string.byte");
    const auto first = integerOr(state, lua, 2, "string.byte", 1);
    const auto range = rangeOf(text, first, integerOr(state, lua, 3, "string.byte", placeOf(first, text.size())));
    if (static_cast<lua_Integer>(range.size()) > kMostValues) state.wrong("string.byte: more than 1024 bytes at once");
    luaL_checkstack(lua, static_cast<int>(range.size()), "string.byte");
    for (const char c : range) lua_pushinteger(lua, static_cast<std::uint8_t>(c));
    return static_cast<int>(range.size());
}

int stringChar(State& state, lua_State* lua) {
    const int count = lua_gettop(lua);
    state.charge(count);
    std::string text;
    for (int i = 1; i <= count; ++i) {
        const auto value = integerAt(state, lua, i, "string.char");
        if (value < 0 || value > 255) state.wrong("string.char: a byte is 0 to 255");
        text.push_back(static_cast<char>(value));
    }
    pushText(state, lua, text);
    return 1;
}

int stringLen(State& state, lua_State* lua) {
    if (lua_type(lua, 1) != LUA_TSTRING) state.wrong("string.len: a text is wanted");
    lua_pushinteger(lua, static_cast<lua_Integer>(lua_rawlen(lua, 1)));
    return 1;
}

int stringLower(State& state, lua_State* lua) {
    return changed(state, lua, "string.lower", [](std::string& text) { text = base::lower(text); });
}
int stringUpper(State& state, lua_State* lua) {
    return changed(state, lua, "string.upper", [](std::string& text) {
        for (auto& c : text)
            if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    });
}
int stringReverse(State& state, lua_State* lua) {
    return changed(state, lua, "string.reverse", [](std::string& text) { std::reverse(text.begin(), text.end()); });
}

int stringSub(State& state, lua_State* lua) {
    const auto text = textAt(state, lua, 1, "string.sub");
    pushText(state, lua, rangeOf(text, integerOr(state, lua, 2, "string.sub", 1), integerOr(state, lua, 3, "string.sub", -1)));
    return 1;
}

int stringRep(State& state, lua_State* lua) {
    const auto text = textAt(state, lua, 1, "string.rep");
    const auto count = integerAt(state, lua, 2, "string.rep");
    const auto between = lua_isnoneornil(lua, 3) ? std::string_view() : textAt(state, lua, 3, "string.rep");
    const bool bounded = !state.without(Restriction::BoundedRep);
    const auto each = std::max<std::size_t>(text.size() + between.size(), 1);
    if (bounded && count > static_cast<lua_Integer>(kMostString / each)) state.stop(FailureKind::Memory, "string.rep: a text over 64 KiB");
    std::string joined;
    for (lua_Integer i = 0; i < count; ++i) {
        if (i != 0) joined += between;
        joined += text;
    }
    pushText(state, lua, joined);
    return 1;
}

int stringFind(State& state, lua_State* lua) {
    const auto text = textAt(state, lua, 1, "string.find");
    const auto what = textAt(state, lua, 2, "string.find");
    const auto from = placeOf(integerOr(state, lua, 3, "string.find", 1), text.size());
    if (lua_gettop(lua) > 3 && lua_toboolean(lua, 4) == 0 && !lua_isnoneornil(lua, 4))
        state.wrong("string.find: there are no patterns here; use re.match");
    const bool beyond = from > static_cast<lua_Integer>(text.size()) + 1;
    const auto found = beyond ? std::string_view::npos : findCharged(state, text, what, static_cast<std::size_t>(from) - 1);
    if (found == std::string_view::npos) {
        lua_pushnil(lua);
        return 1;
    }
    lua_pushinteger(lua, static_cast<lua_Integer>(found) + 1);
    lua_pushinteger(lua, static_cast<lua_Integer>(found + what.size()));
    return 2;
}

int utf8Len(State& state, lua_State* lua) {
    const auto text = textAt(state, lua, 1, "utf8.len");
    if (!base::isUtf8(text)) {
        lua_pushnil(lua);
        return 1;
    }
    lua_pushinteger(lua, std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<std::uint8_t>(c) & 0xC0U) != 0x80U; }));
    return 1;
}

int utf8Char(State& state, lua_State* lua) {
    const int count = lua_gettop(lua);
    state.charge(count);
    std::string text;
    for (int i = 1; i <= count; ++i) {
        const auto point = integerAt(state, lua, i, "utf8.char");
        if (point < 0 || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) state.wrong("utf8.char: no code point");
        appendUtf8(text, static_cast<std::uint32_t>(point));
    }
    pushText(state, lua, text);
    return 1;
}

int strStarts(State& state, lua_State* lua) {
    const auto text = textAt(state, lua, 1, "str.starts");
    lua_pushboolean(lua, text.starts_with(textAt(state, lua, 2, "str.starts")) ? 1 : 0);
    return 1;
}
int strEnds(State& state, lua_State* lua) {
    const auto text = textAt(state, lua, 1, "str.ends");
    lua_pushboolean(lua, text.ends_with(textAt(state, lua, 2, "str.ends")) ? 1 : 0);
    return 1;
}
int strAfter(State& state, lua_State* lua) {
    const auto text = textAt(state, lua, 1, "str.after");
    const auto prefix = textAt(state, lua, 2, "str.after");
    if (text.starts_with(prefix))
        pushText(state, lua, text.substr(prefix.size()));
    else
        lua_pushnil(lua);
    return 1;
}

int strSplit(State& state, lua_State* lua) {
    auto text = textAt(state, lua, 1, "str.split");
    const auto at = textAt(state, lua, 2, "str.split");
    if (at.empty()) state.wrong("str.split: the text to split at is empty");
    lua_createtable(lua, 0, 0);
    for (lua_Integer part = 1;; ++part) {
        const auto end = findCharged(state, text, at, 0);
        pushText(state, lua, text.substr(0, end));
        lua_rawseti(lua, -2, part);
        state.charge(2);
        if (end == std::string_view::npos) return 1;
        text.remove_prefix(end + at.size());
    }
}

int strTrim(State& state, lua_State* lua) {
    pushText(state, lua, base::trim(textAt(state, lua, 1, "str.trim")));
    return 1;
}

int strGlob(State& state, lua_State* lua) {
    const auto text = textAt(state, lua, 1, "str.glob");
    lua_pushboolean(lua, globMatches(state, text, textAt(state, lua, 2, "str.glob")) ? 1 : 0);
    return 1;
}

}  // namespace agentidp::policy::sandbox
