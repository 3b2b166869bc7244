/// Results of every shape, made from the input's bytes: nested, cyclic, mixed, with foreign members. What comes through keeps verdict.h's
/// bounds, and what the script's budget says of size and depth.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "byte_input.h"
#include "policy/script.h"

namespace {

using namespace agentidp;

constexpr int kDepth = 10;  ///< deeper than a result may be

/// Bytes turned into Lua text.
class Maker {
public:
    Maker(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

    unsigned next(unsigned below) {
        if (left_ == 0) return 0;
        --left_;
        return *data_++ % below;
    }
    std::string text() {
        std::string quoted = "\"";
        for (unsigned i = next(24); i > 0; --i) quoted += "\\" + std::to_string(100 + next(156)).substr(0, 3);
        return quoted + "\"";
    }
    std::string name() {
        static constexpr std::array<std::string_view, 16> kNames{"scopes", "max_ttl",  "audience", "key", "cost", "code",
                                                                 "reason", "severity", "redact",   "a",   "sub",  "team_1",
                                                                 "A",      "1",        "x y",      ""};
        return "[\"" + std::string(kNames[next(kNames.size())]) + "\"]";
    }
    std::string value(int depth) {
        static constexpr std::array<std::string_view, 14> kPlain{
            "1", "0", "-1", "300", "300.0", "0.5", "1 << 62", "0/0", "math.huge", "true", "\"read\"", "\"no_scope\"", "\"high\"", "nil"};
        switch (depth <= 0 ? next(2) : next(8)) {
            case 0: return std::string(kPlain[next(kPlain.size())]);
            case 1: return text();
            case 2: return "t";
            case 3: return next(2) == 0 ? "allow()" : "data.doc";
            default: break;
        }
        std::string table = "{";
        for (unsigned i = next(6); i > 0; --i) {
            if (next(2) == 0) table += name() + " = ";
            table += value(depth - 1) + ", ";
        }
        return table + "}";
    }

private:
    const std::uint8_t* data_;
    std::size_t left_;
};

std::size_t depthOf(const base::json::Value& value) {
    std::size_t deepest = 0;
    if (const auto* items = value.asArray())
        for (const auto& item : *items) deepest = std::max(deepest, depthOf(item));
    else if (const auto* members = value.asObject())
        for (const auto& [name, member] : *members) deepest = std::max(deepest, depthOf(member));
    else
        return 0;
    return deepest + 1;
}

void check(const policy::Verdict& verdict, const policy::CallBudget& budget) {
    if (verdict.kind == policy::VerdictKind::Deny)
        fuzz::require(!verdict.code.empty() && verdict.code.size() <= 64 && verdict.reason.size() <= 256);
    if (verdict.scopes) fuzz::require(verdict.scopes->size() <= 256);
    if (verdict.maxTtl) fuzz::require(verdict.maxTtl->count() > 0);
    fuzz::require(verdict.cost >= 1 && verdict.cost <= 100 && verdict.key.size() <= 128);
    const base::json::Value fields(verdict.fields);
    fuzz::require(depthOf(fields) <= static_cast<std::size_t>(budget.depth));
    const auto written = base::json::write(fields);
    fuzz::require(base::isUtf8(written) && base::json::parse(written).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto documents = std::make_shared<const policy::Documents>(
        policy::Documents{{"doc", base::json::Object{{"a", base::json::Array{1, nullptr, "x"}}}}});
    static constexpr std::array<std::string_view, 12> kKinds{"allow",  "deny", "narrow", "add",     "shorten", "annotate",
                                                             "enrich", "rate", "omit",   "deliver", "drop",    "finding"};
    Maker maker(data, size);
    const auto rows = policy::allHookPoints();
    const auto& row = rows[maker.next(static_cast<unsigned>(rows.size()))];
    if (row.reserved) return 0;
    const std::string kind(kKinds[maker.next(kKinds.size())]);
    std::string body = "local t = {}\nt[";
    body += maker.next(2) == 0 ? "1" : "\"a\"";
    body += "] = " + maker.value(kDepth) + "\n";
    const bool bare = maker.next(4) == 0;
    const bool cyclic = maker.next(2) == 0;
    body += bare ? "return t" : "return " + kind + "(" + (cyclic ? "t" : maker.value(kDepth)) + ")";
    const std::string script = "return { api = 1, name = 'f', version = '1', needs = { 'data.doc' }, hooks = { " + std::string(row.name) +
                               " = function(ctx)\n" + body + "\nend } }";
    policy::CallOptions options;
    options.budget.wall = base::milliseconds(500);
    options.budget.result = 512;
    const auto made = policy::compile({"f.lua", script}, documents, options.budget);
    if (!made.script) return 0;
    const auto report = made.script->call(row.point, base::json::Object{}, options);
    if (const auto* verdict = report.verdict()) {
        fuzz::require(row.permits(verdict->kind));
        check(*verdict, options.budget);
    }
    return 0;
}
