#pragma once
/// @file tests/unit/policy_engine/fake_script.h
/// policy::Script that says what a test tells it to. Any thread.
#include <map>
#include <mutex>

#include "observe/log.h"
#include "policy/script.h"

namespace agentidp::policy {

class FakeScript final : public Script {
public:
    using Says = std::function<CallReport(HookPoint, const base::json::Value&, const CallOptions&)>;
    FakeScript(std::string name, std::vector<HookPoint> points, Says says)
        : name_(std::move(name)), file_(name_ + ".lua"), points_(std::move(points)), says_(std::move(says)) {}

    [[nodiscard]] const std::string& file() const override { return file_; }
    [[nodiscard]] const std::string& name() const override { return name_; }
    [[nodiscard]] const std::string& version() const override { return version_; }
    [[nodiscard]] const std::string& sha256() const override { return sha256_; }
    [[nodiscard]] bool hooks(HookPoint point) const override { return std::find(points_.begin(), points_.end(), point) != points_.end(); }
    [[nodiscard]] bool omitsOnError(HookPoint) const override { return omits; }
    [[nodiscard]] bool reads(HookPoint, std::string_view member) const override { return unread != member; }
    [[nodiscard]] const std::vector<int>& activeLines() const override { return lines_; }
    [[nodiscard]] CallReport call(HookPoint point, const base::json::Value& input, const CallOptions& options) const override {
        ++calls;
        return says_(point, input, options);
    }

    bool omits = false;
    std::string unread;  ///< a member it does not look at
    mutable std::atomic<int> calls{0};

private:
    std::string name_, file_, version_ = "1", sha256_ = std::string(64, 'a');
    std::vector<HookPoint> points_;
    Says says_;
    std::vector<int> lines_;
};
using FakeScriptPtr = std::shared_ptr<FakeScript>;

inline CallReport said(Verdict verdict, base::microseconds took = base::microseconds(100)) {
    CallReport report;
    report.outcome = std::move(verdict);
    report.units = 10;
    report.took = took;
    report.peakBytes = 1000;
    return report;
}
inline CallReport broke(FailureKind kind) {
    CallReport report;
    report.outcome = Failure{kind, "x.lua:1: broke"};
    report.took = base::milliseconds(1);
    return report;
}
inline Verdict allowed() {
    Verdict out;
    out.kind = VerdictKind::Allow;
    return out;
}
inline Verdict denied(std::string code) {
    Verdict out;
    out.kind = VerdictKind::Deny;
    out.code = std::move(code);
    out.reason = "because";
    return out;
}
inline Verdict narrowed(std::vector<std::string> scopes, std::optional<base::seconds> ttl = {}, std::optional<std::string> audience = {}) {
    Verdict out;
    out.kind = VerdictKind::Narrow;
    out.scopes = std::move(scopes);
    out.maxTtl = ttl;
    out.audience = std::move(audience);
    return out;
}
inline Verdict withFields(VerdictKind kind, base::json::Object fields) {
    Verdict out;
    out.kind = kind;
    out.fields = std::move(fields);
    return out;
}
/// A script that hooks `point` and always reports the same.
inline FakeScriptPtr scripted(std::string name, HookPoint point, CallReport report) {
    return std::make_shared<FakeScript>(
        std::move(name), std::vector{point},
        [report = std::move(report)](HookPoint, const base::json::Value&, const CallOptions&) { return report; });
}

class CountingLog final : public observe::Log {
public:
    void write(observe::Message message, std::initializer_list<observe::Field>) override {
        const std::lock_guard held(mutex_);
        ++counts_[message];
    }
    [[nodiscard]] int count(observe::Message message) const {
        const std::lock_guard held(mutex_);
        const auto found = counts_.find(message);
        return found == counts_.end() ? 0 : found->second;
    }

private:
    mutable std::mutex mutex_;
    std::map<observe::Message, int> counts_;
};

}  // namespace agentidp::policy
