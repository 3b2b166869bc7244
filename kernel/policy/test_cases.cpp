#include "policy/test_cases.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace agentidp::policy {
namespace {

namespace json = base::json;

/// One line, so that lines of the test are lines of what is compiled.
constexpr std::string_view kBefore =
    "return{api=1,name=\"cases\",version=\"1\",hooks={audit_enrich=function() local give=enrich "
    "local function of(kind) return function(t) t.kind=kind return t end end "
    "local function with(kind,member) return function(t) return{kind=kind,[member]=t} end end "
    "local function allow() return{kind=\"allow\"} end local function drop() return{kind=\"drop\"} end "
    "local function deny(code,reason) return{kind=\"deny\",code=code,reason=reason} end "
    "local narrow,shorten,rate,finding,deliver=of(\"narrow\"),of(\"shorten\"),of(\"rate\"),of(\"finding\"),of(\"deliver\") "
    "local "
    "add,annotate,enrich,omit=with(\"add\",\"fields\"),with(\"annotate\",\"fields\"),with(\"enrich\",\"fields\"),with(\"omit\",\"names\") "
    "return give{cases=(function() ";
constexpr std::string_view kBehind = "\nend)()} end}}";

/// What the text of a test file may use to make its cases.
CallBudget testFileBudget() {
    return {.units = 20'000'000, .wall = base::milliseconds(2'000), .memory = 64U << 20U, .result = 4U << 20U, .depth = 24};
}

constexpr std::array<std::string_view, 8> kMembers{"name", "hook", "input", "expect", "script", "now", "data", "times"};

class Reader {
public:
    explicit Reader(const Bundle& bundle) : bundle_(bundle) {}

    TestCases run() {
        for (const auto& file : bundle_.files) {
            file_ = &file;
            if (file.role == FileRole::LuaTest) fromLua();
            if (file.role == FileRole::JsonTests) fromJson();
        }
        return std::move(out_);
    }

private:
    bool complain(std::string text, std::string mend, int line = 0) {
        out_.complaints.push_back({file_->name, line, std::move(text), std::move(mend)});
        return false;
    }

    void fromLua() {
        const auto budget = testFileBudget();
        auto compiled =
            compile({file_->name, std::string(kBefore) + file_->text + std::string(kBehind), StateMode::Fresh}, nullptr, budget);
        for (auto& complaint : compiled.complaints)
            if (complaint.fatal) out_.complaints.push_back(std::move(complaint));
        if (!compiled.script) return;
        CallOptions options;
        options.budget = budget;
        options.now = base::parseRfc3339(kTestNow).value();
        const auto report = compiled.script->call(HookPoint::AuditEnrich, json::Object{}, options);
        if (const auto* failure = report.failure()) {
            complain("gives no cases (" + std::string(nameOf(failure->kind)) + "): " + failure->text,
                     "end it with: return { { name = \"...\", hook = \"...\", input = {...}, expect = allow() } }");
            return;
        }
        const auto& fields = report.verdict()->fields;
        cases(fields.empty() ? json::Value() : fields.front().second);
    }

    void fromJson() {
        const auto parsed = json::parse(file_->text, {.bytes = kMaxTestBytes, .depth = 32});
        if (parsed)
            cases(*parsed);
        else
            complain("is no JSON: " + parsed.error().hint, "mend the JSON");
    }

    void cases(const json::Value& list) {
        const auto* items = list.asArray();
        if (items == nullptr || items->empty()) {
            complain("holds no list of cases", "write a list of { name, hook, input, expect }");
            return;
        }
        int number = 0;
        for (const auto& item : *items) {
            place_ = "case " + std::to_string(++number);
            if (out_.cases.size() >= kMaxTestCases) {
                complain("is over " + std::to_string(kMaxTestCases) + " cases of a bundle", "test the rest beside it");
                return;
            }
            TestCase one;
            if (read(item, one)) out_.cases.push_back(std::move(one));
        }
    }

    bool wrong(const std::string& text, std::string mend) { return complain(place_ + " " + text, std::move(mend)); }

    bool read(const json::Value& item, TestCase& one) {
        const auto* members = item.asObject();
        if (members == nullptr) return wrong("is no table of names", "write { name, hook, input, expect }");
        for (const auto& [name, value] : *members) {
            if (std::find(kMembers.begin(), kMembers.end(), name) != kMembers.end()) continue;
            const auto near = base::nearest(name, {kMembers.begin(), kMembers.end()});
            return wrong("has a member '" + name + "' that means nothing", near ? "did you mean " + *near + "?" : "leave it out");
        }
        one.file = file_->name;
        one.name = item.textOr("name", place_);
        place_ += " (" + one.name + ")";
        return script(item, one) && question(item, one) && expectation(item, one) && circumstances(item, one);
    }

    bool script(const json::Value& item, TestCase& one) {
        std::string own = file_->name.starts_with("tests/") ? file_->name.substr(6) : file_->name;
        own.resize(own.rfind('.'));
        if (own.ends_with("_test")) own.resize(own.size() - 5);
        one.script = item.textOr("script", own + ".lua");
        const bool there = std::any_of(bundle_.files.begin(), bundle_.files.end(),
                                       [&](const BundleFile& file) { return file.role == FileRole::Script && file.name == one.script; });
        if (there) return true;
        return wrong("is about " + one.script + ", which is not there", "name the file after its script, or write script = \"corp.lua\"");
    }

    bool question(const json::Value& item, TestCase& one) {
        const auto hook = hookPointNamed(item.textOr("hook", ""));
        if (!hook) return wrong("names no hook that there is", "write hook = \"scope_check\"; agentidp hook api lists them");
        one.hook = *hook;
        const auto* input = item.find("input");
        if (input == nullptr) return wrong("has no input", "write input = { ... }: what the hook's argument holds");
        // An empty table of Lua is an empty list.
        if (input->asObject() == nullptr && (input->asArray() == nullptr || !input->asArray()->empty()))
            return wrong("has an input without names", "write input = { ... }: what the hook's argument holds");
        one.input = input->asObject() != nullptr ? *input : json::Value(json::Object{});
        return true;
    }

    bool expectation(const json::Value& item, TestCase& one) {
        const std::string mend =
            "write expect = deny(\"code\") or {\"kind\": \"deny\", \"code\": \"code\"}, or { error = \"runtime\" } for a failure";
        const auto* expect = item.find("expect");
        if (expect == nullptr) return wrong("has no expect", mend);
        const bool fails = !expect->textOr("error", "").empty();
        if (!fails && expect->textOr("kind", "").empty()) return wrong("expects neither a result nor an error", mend);
        one.expect = *expect;
        return true;
    }

    bool circumstances(const json::Value& item, TestCase& one) {
        one.now = base::parseRfc3339(kTestNow).value();
        if (const auto* now = item.find("now")) {
            const auto at = now->asText() != nullptr ? base::parseRfc3339(*now->asText()) : std::nullopt;
            if (!at) return wrong("has a now that is no time", "write now = \"2026-01-05T12:00:00Z\"");
            one.now = *at;
        }
        one.times = item.intOr("times", 1);
        if (one.times < 1 || one.times > kMaxTestTimes)
            return wrong("has times outside 1 to " + std::to_string(kMaxTestTimes), "ask less often");
        if (const auto* data = item.find("data")) {
            const auto* documents = data->asObject();
            if (documents == nullptr) return wrong("has data without names", "write data = { teams = { ... } }");
            for (const auto& [name, document] : *documents) one.data.insert_or_assign(name, document);
        }
        return true;
    }

    const Bundle& bundle_;
    const BundleFile* file_ = nullptr;
    std::string place_;
    TestCases out_;
};

}  // namespace

TestCases readTestCases(const Bundle& bundle) { return Reader(bundle).run(); }

}  // namespace agentidp::policy
