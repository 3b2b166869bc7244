#include "policy/script.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <charconv>

#include "base/guarded.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "policy/chunk.h"
#include "policy/compile.h"
#include "policy/host.h"
#include "policy/script_check.h"
#include "policy/script_reads.h"
#include "policy/script_table.h"

namespace agentidp::policy {
namespace sandbox {
namespace {

constexpr std::size_t kMostPoints = 64;     ///< kinds of hooks
constexpr std::size_t kPoolSize = 64;       ///< states a script keeps
constexpr std::size_t kIndexedMembers = 8;  ///< objects of more are looked up by hash
constexpr std::size_t kPiece = 4096;        ///< bytes the compiler is given between two looks at the clock
constexpr base::milliseconds kCompileWall{2000};
constexpr std::size_t kCompileMemory = 64U << 20U;

void loadBody(lua_State* lua, const Environment& environment) {
    const std::string name = "=" + environment.file;
    if (luaL_loadbufferx(lua, environment.bytecode.data(), environment.bytecode.size(), name.c_str(), "b") != LUA_OK) lua_error(lua);
    pushGlobals(State::of(lua), lua);
    lua_setupvalue(lua, -2, 1);
}

/// Runs the body and leaves the table it returns on the stack.
void runBody(lua_State* lua, const Environment& environment) {
    loadBody(lua, environment);
    lua_call(lua, 0, 1);
}

void indexMembers(const base::json::Value& value, Environment& out) {
    if (const auto* items = value.asArray()) {
        for (const auto& item : *items) indexMembers(item, out);
    } else if (const auto* members = value.asObject()) {
        if (members->size() > kIndexedMembers)
            for (const auto& [name, member] : *members) out.members[members].emplace(name, &member);
        for (const auto& [name, member] : *members) indexMembers(member, out);
    }
}

class LuaScript final : public Script {
public:
    LuaScript(Environment environment, ScriptTable table, std::string sha256, const Function& body, const ScriptSource& source)
        : environment_(std::move(environment)),
          table_(std::move(table)),
          sha256_(std::move(sha256)),
          lines_(activeLinesOf(body)),
          mode_(table_.pooled ? StateMode::Pooled : source.state) {
        for (const auto& hook : table_.hooks) {
            hooks_.set(static_cast<std::size_t>(hook.point));
            reads_[static_cast<std::size_t>(hook.point)] = {hook, source.wholeArguments ? Reads{} : readsOf(body, hook)};
        }
    }

    const std::string& file() const override { return environment_.file; }
    const std::string& name() const override { return table_.name; }
    const std::string& version() const override { return table_.version; }
    const std::string& sha256() const override { return sha256_; }
    bool hooks(HookPoint point) const override { return hooks_.test(static_cast<std::size_t>(point)); }
    bool omitsOnError(HookPoint point) const override { return table_.omits.test(static_cast<std::size_t>(point)); }
    StateMode state() const override { return mode_; }
    const std::vector<int>& activeLines() const override { return lines_; }
    bool reads(HookPoint point, std::string_view member) const override {
        const auto& reads = reads_[static_cast<std::size_t>(point)].reads;
        return reads.whole || reads.find(member) != nullptr;
    }

    CallReport call(HookPoint point, const base::json::Value& input, const CallOptions& options) const override {
        if (mode_ == StateMode::Fresh && !environment_.without(Restriction::FreshState)) {
            State state(environment_);
            return callIn(state, point, input, options);
        }
        auto state = take();
        auto report = callIn(*state, point, input, options);
        if (report.verdict() != nullptr && state->settle()) giveBack(std::move(state));
        return report;
    }

private:
    CallReport callIn(State& state, HookPoint point, const base::json::Value& input, const CallOptions& options) const {
        const auto began = std::chrono::steady_clock::now();
        CallReport report;
        Verdict verdict;
        auto failure = state.run(options, [&](lua_State* lua) {
            if (!state.loaded) {
                runBody(lua, state.environment());
                lua_getfield(lua, -1, "hooks");
                lua_rawsetp(lua, LUA_REGISTRYINDEX, &kHooksKey);
                lua_settop(lua, 0);
                state.loaded = true;
            }
            lua_rawgetp(lua, LUA_REGISTRYINDEX, &kHooksKey);
            const auto name = nameOf(point);
            lua_pushlstring(lua, name.data(), name.size());
            lua_rawget(lua, -2);
            pushLookedAt(lua, input, readsOfFunctionOnTop(lua, point));
            lua_call(lua, 1, 1);
            verdict = readVerdict(state, lua, -1, point);
        });
        if (failure)
            report.outcome = std::move(*failure);
        else
            report.outcome = std::move(verdict);
        report.units = state.units();
        report.peakBytes = state.peakBytes();
        report.logged = std::move(state.logged);
        report.took = std::chrono::duration_cast<base::microseconds>(std::chrono::steady_clock::now() - began);
        return report;
    }

    /// The body may choose another function each time it runs, or a pooled state change its table.
    [[nodiscard]] const Reads& readsOfFunctionOnTop(lua_State* lua, HookPoint point) const {
        static const Reads kWhole;
        const auto& known = reads_[static_cast<std::size_t>(point)];
        if (known.reads.whole || lua_type(lua, -1) != LUA_TFUNCTION) return kWhole;
        lua_Debug at{};
        lua_pushvalue(lua, -1);
        lua_getinfo(lua, ">S", &at);
        return at.linedefined == known.place.firstLine && at.lastlinedefined == known.place.lastLine ? known.reads : kWhole;
    }

    std::unique_ptr<State> take() const {
        auto pool = pool_.lock();
        if (pool->empty()) return std::make_unique<State>(environment_);
        auto state = std::move(pool->back());
        pool->pop_back();
        return state;
    }
    void giveBack(std::unique_ptr<State> state) const {
        auto pool = pool_.lock();
        if (pool->size() < kPoolSize) pool->push_back(std::move(state));
    }

    static constexpr char kHooksKey = 0;
    Environment environment_;
    ScriptTable table_;
    std::string sha256_;
    std::vector<int> lines_;
    StateMode mode_;
    std::bitset<kMostPoints> hooks_;
    struct Known {
        HookPlace place;
        Reads reads;
    };
    std::array<Known, kMostPoints> reads_;
    mutable base::Guarded<std::vector<std::unique_ptr<State>>> pool_;
};

/// "corp.lua:12: what": the line, and the rest.
std::pair<int, std::string> placed(const std::string& file, const std::string& text) {
    if (!text.starts_with(file + ":")) return {0, text};
    int line = 0;
    const char* from = text.data() + file.size() + 1;
    const auto end = std::from_chars(from, text.data() + text.size(), line);
    if (end.ec != std::errc() || *end.ptr != ':') return {0, text};
    return {line, std::string(base::trim(std::string_view(end.ptr + 1)))};
}

struct Pieces {
    std::string_view rest;
    static const char* next(lua_State* lua, void* self, std::size_t* size) {
        auto& pieces = *static_cast<Pieces*>(self);
        State::of(lua).charge(static_cast<std::int64_t>(kPiece));
        const auto piece = pieces.rest.substr(0, kPiece);
        pieces.rest.remove_prefix(piece.size());
        *size = piece.size();
        return piece.empty() ? nullptr : piece.data();
    }
};

int append(lua_State*, const void* bytes, std::size_t size, void* out) {
    static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), size);
    return 0;
}

class Compiler {
public:
    Compiler(const ScriptSource& source, const std::shared_ptr<const Documents>& documents, const CallBudget& budget,
             const Removed& removed)
        : source_(source), budget_(budget), environment_(makeEnvironment(source.file, documents, removed)) {}

    Compiled run() {
        if (sound() && translate() && check() && execute()) {
            auto digest = base::hex(crypto::sha256(base::bytesOf(source_.text)));
            out_.script = std::make_shared<LuaScript>(std::move(environment_), std::move(table_), std::move(digest), body_, source_);
        }
        std::stable_sort(out_.complaints.begin(), out_.complaints.end(),
                         [](const auto& left, const auto& right) { return left.line < right.line; });
        return std::move(out_);
    }

private:
    bool complain(int line, std::string text, std::string mend) {
        out_.complaints.push_back({source_.file, line, std::move(text), std::move(mend), true});
        return false;
    }

    bool sound() {
        const std::string_view text = source_.text;
        if (text.size() > kMaxScriptBytes && !environment_.without(Restriction::ScriptSize))
            return complain(0, "the script is over 256 KiB", "move tables into a document of data/");
        if (environment_.without(Restriction::TextOnly)) return true;
        if (text.starts_with("\x1b")) return complain(0, "the script is bytecode", "ship the text; bytecode is refused");
        if (text.find('\0') != std::string_view::npos || !base::isUtf8(text))
            return complain(0, "the script is not UTF-8 text", "save it as UTF-8");
        return true;
    }

    bool translate() {
        State state(environment_);
        CallOptions options;
        options.budget = {.units = std::int64_t{1} << 40, .wall = kCompileWall, .memory = kCompileMemory};
        std::string problem;
        const auto failure = state.run(options, [&](lua_State* lua) {
            Pieces pieces{source_.text};
            const std::string name = "=" + source_.file;
            const char* mode = environment_.without(Restriction::TextOnly) ? "bt" : "t";
            if (lua_load(lua, &Pieces::next, &pieces, name.c_str(), mode) != LUA_OK)
                problem = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "it cannot be compiled";
            else
                lua_dump(lua, &append, &environment_.bytecode, 0);
        });
        if (failure) return complain(0, "the compiler gave up: " + placed(source_.file, failure->text).second, "make the script smaller");
        if (!problem.empty()) {
            auto [line, text] = placed(source_.file, problem);
            return complain(line, std::move(text), "mend the syntax");
        }
        auto body = readChunk(environment_.bytecode);
        if (!body) return complain(0, "this build's Lua is not 5.4", "rebuild the server with liblua5.4-c++");
        body_ = std::move(*body);
        environment_.texts = textsOf(body_);
        return true;
    }

    bool check() {
        out_.complaints = checkNames(source_.file, body_, environment_.without(Restriction::UndeclaredGlobals),
                                     environment_.without(Restriction::LiteralMembers));
        return out_.complaints.empty();
    }

    bool execute() {
        // The body may read documents while it runs, and says only at its end which it needs: so it runs again with those only.
        std::vector<std::string> all{"counter"};
        for (const auto& [name, value] : *environment_.documents) all.push_back("data." + name);
        if (!runOnce(all)) return false;
        const std::unordered_set<std::string> needs(table_.needs.begin(), table_.needs.end());
        if (!environment_.without(Restriction::Needs)) out_.complaints = checkNeeds(source_.file, body_, needs);
        if (!out_.complaints.empty() || !runOnce(table_.needs)) return false;
        auto fields = checkFields(source_.file, body_, table_.hooks);
        out_.complaints.insert(out_.complaints.end(), fields.begin(), fields.end());
        const bool fatal = !table_.complaints.empty();
        out_.complaints.insert(out_.complaints.end(), table_.complaints.begin(), table_.complaints.end());
        for (const auto& need : table_.needs) {
            if (!need.starts_with("data.")) continue;
            const auto document = environment_.documents->find(std::string_view(need).substr(5));
            if (document != environment_.documents->end()) indexMembers(document->second, environment_);
        }
        return !fatal;
    }

    bool runOnce(std::vector<std::string> needs) {
        environment_.needs = {needs.begin(), needs.end()};
        State state(environment_);
        CallOptions options;
        options.budget = budget_;
        const auto failure = state.run(options, [&](lua_State* lua) {
            runBody(lua, environment_);
            table_ = readTable(state, lua, -1);
        });
        if (!failure) return true;
        auto [line, text] = placed(source_.file, failure->text);
        return complain(line, "the script's body failed (" + std::string(nameOf(failure->kind)) + "): " + text,
                        "the body runs at each load and each call in a fresh state: keep it to the table");
    }

    const ScriptSource& source_;
    const CallBudget& budget_;
    Environment environment_;
    Function body_;
    ScriptTable table_;
    Compiled out_;
};

}  // namespace

Compiled compileWithout(const ScriptSource& source, const std::shared_ptr<const Documents>& documents, const CallBudget& budget,
                        const Removed& removed) {
    return Compiler(source, documents, budget, removed).run();
}

}  // namespace sandbox

Compiled compile(const ScriptSource& source, const std::shared_ptr<const Documents>& documents, const CallBudget& budget) {
    return sandbox::compileWithout(source, documents, budget, {});
}

}  // namespace agentidp::policy
