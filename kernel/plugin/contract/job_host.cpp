#include "plugin/contract/job_host.h"

#include "base/text.h"

namespace agentidp::plugin::contract {
namespace {

using base::json::Object;
using base::json::Value;

constexpr std::int64_t kDefaultLimit = 100;
constexpr std::int64_t kMaxLimit = 1'000;

std::string_view viewOf(aip_str text) { return text.n == 0 ? std::string_view() : std::string_view(text.p, text.n); }

std::int64_t hours(std::int64_t n) { return n * 3'600'000'000; }
std::int64_t days(std::int64_t n) { return n * hours(24); }

/// Names findings.v1 would register: [a-z][a-z0-9_]*.
bool isMetricName(std::string_view name) {
    if (name.empty() || name.size() > 64 || name.front() < 'a' || name.front() > 'z') return false;
    return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

bool matches(const Value& record, const Value& query) {
    if (const auto* status = query.find("status"); status != nullptr && record.textOr("status", "") != *status->asText()) return false;
    const auto* before = query.find("expiresBefore");
    if (before == nullptr) return true;
    const auto* at = record.find("expiresAt");
    return at != nullptr && at->asInt() != nullptr && *at->asInt() < *before->asInt();
}

/// What is wrong with a query, or nothing.
std::optional<std::string> faultInQuery(const Value& query) {
    if (query.asObject() == nullptr) return "the query is no object";
    for (const auto& [name, value] : *query.asObject()) {
        const bool text = name == "cursor" || name == "status", number = name == "limit" || name == "expiresBefore";
        if (!text && !number) return "the query has an unknown member " + name;
        if ((text && value.asText() == nullptr) || (number && value.asInt() == nullptr))
            return "the query's " + name + " has the wrong type";
    }
    const auto limit = query.intOr("limit", kDefaultLimit);
    if (limit < 1 || limit > kMaxLimit) return "the query's limit is out of range";
    return std::nullopt;
}

}  // namespace

JobHost::JobHost() {
    records_.size = sizeof records_;
    records_.self = this;
    records_.read = read;
    findings_.size = sizeof findings_;
    findings_.self = this;
    findings_.report = report;
    findings_.gauge = setGauge;
    findings_.counter = addCounter;
}

void JobHost::addCredential(Object record) { state_.lock()->credentials.push_back(std::move(record)); }
void JobHost::addAgent(Object record) { state_.lock()->agents.push_back(std::move(record)); }

void JobHost::fill(base::Instant now) {
    const auto us = base::microsOf(now);
    for (int i = 0; i < 250; ++i) {
        const auto number = std::to_string(i);
        Object record{{"credentialId", "credential-" + number},       {"clientId", "agent-" + std::to_string(i % 40)},
                      {"agentId", "agent-" + std::to_string(i % 40)}, {"organizationId", "organization-" + std::to_string(i % 3)},
                      {"status", i % 11 == 0 ? "revoked" : "active"}, {"createdAt", us - days(80)}};
        // Every seventh never expires; the others from 20 days ago to 60 days ahead, never on a whole hour from now.
        if (i % 7 != 0) record.emplace_back("expiresAt", us + hours(-480 + i * 7) + hours(1) / 3);
        addCredential(std::move(record));
    }
    for (int i = 0; i < 40; ++i)
        addAgent({{"agentId", "agent-" + std::to_string(i)},
                  {"organizationId", "organization-" + std::to_string(i % 3)},
                  {"status", i % 5 == 0 ? "suspended" : "active"},
                  {"owner", "team-" + std::to_string(i % 4)},
                  {"createdAt", us - days(90)}});
}

void JobHost::clear() {
    auto state = state_.lock();
    state->credentials.clear();
    state->agents.clear();
}

const void* JobHost::iface(std::string_view name, std::uint32_t minMinor) const {
    if (minMinor != 0) return nullptr;
    if (name == "records.v1") return &records_;
    if (name == "findings.v1") return &findings_;
    return nullptr;
}

void JobHost::onCall(std::function<void()> hook) { state_.lock()->hook = std::move(hook); }

void JobHost::failReads(std::size_t n, aip_status status) {
    auto state = state_.lock();
    state->failingReads = n;
    state->readFailure = status;
}

std::vector<Finding> JobHost::findings() const {
    auto state = state_.lock();
    std::vector<Finding> all;
    for (const auto& [key, finding] : state->findings) all.push_back(finding);
    return all;
}
std::size_t JobHost::reports() const { return state_.lock()->reports; }
std::size_t JobHost::reads() const { return state_.lock()->reads; }
std::size_t JobHost::refusals() const { return state_.lock()->refusals; }
std::optional<double> JobHost::gauge(std::string_view name) const {
    auto state = state_.lock();
    const auto at = state->gauges.find(name);
    return at == state->gauges.end() ? std::nullopt : std::optional(at->second);
}
double JobHost::counter(std::string_view name) const {
    auto state = state_.lock();
    const auto at = state->counters.find(name);
    return at == state->counters.end() ? 0 : at->second;
}

void JobHost::forgetReports() {
    auto state = state_.lock();
    state->findings.clear();
    state->gauges.clear();
    state->counters.clear();
    state->reports = state->reads = state->refusals = 0;
}

/// Outside the lock: a hook may look at this host.
void JobHost::callHook() {
    const auto hook = state_.lock()->hook;
    if (hook) hook();
}

aip_status JobHost::refuse(aip_error* error, std::string_view why) {
    ++state_.lock()->refusals;
    if (error != nullptr) {
        error->status = AIP_E_INVALID;
        const auto size = std::min(why.size(), sizeof error->public_msg - 1);
        why.copy(error->public_msg, size);
        error->public_msg[size] = '\0';
    }
    return AIP_E_INVALID;
}

aip_status JobHost::read(void* self, const aip_call*, aip_str kind, aip_str queryText, aip_sink out, aip_error* error) {
    auto& host = *static_cast<JobHost*>(self);
    host.callHook();
    const auto query = base::json::parse(viewOf(queryText));
    if (!query) return host.refuse(error, "the query is no JSON");
    if (const auto fault = faultInQuery(*query)) return host.refuse(error, *fault);
    const auto cursor = query->textOr("cursor", "");
    const auto first = cursor.empty() ? std::optional<std::int64_t>(0)
                                      : base::parseInt(cursor.starts_with("record:") ? std::string_view(cursor).substr(7) : "");
    if (!first || *first < 0) return host.refuse(error, "the cursor is not one of this host");

    std::string page;
    {
        auto state = host.state_.lock();
        ++state->reads;
        if (state->failingReads > 0) {
            --state->failingReads;
            if (error != nullptr) error->status = state->readFailure;
            return state->readFailure;
        }
        const auto* records = viewOf(kind) == "credentials" ? &state->credentials : viewOf(kind) == "agents" ? &state->agents : nullptr;
        if (records != nullptr) {
            base::json::Array found;
            auto at = static_cast<std::size_t>(*first);
            const auto limit = static_cast<std::size_t>(query->intOr("limit", kDefaultLimit));
            for (; at < records->size() && found.size() < limit; ++at)
                if (const Value record((*records)[at]); matches(record, *query)) found.push_back(record);
            Object answer{{"records", std::move(found)}};
            if (at < records->size()) answer.emplace_back("cursor", "record:" + std::to_string(at));
            page = base::json::write(answer);
        }
    }
    if (page.empty()) return host.refuse(error, "no such kind of record");
    return out.put(out.ctx, page.data(), page.size()) == 0 ? AIP_OK : AIP_E_CANCELLED;
}

aip_status JobHost::report(void* self, const aip_call*, aip_str findingText, aip_error* error) {
    auto& host = *static_cast<JobHost*>(self);
    host.callHook();
    const auto parsed = base::json::parse(viewOf(findingText));
    if (!parsed || parsed->asObject() == nullptr) return host.refuse(error, "the finding is no JSON object");
    const auto* detail = parsed->find("detail");
    Finding finding{parsed->textOr("code", ""), parsed->textOr("severity", ""), parsed->textOr("subject", ""),
                    parsed->textOr("organizationId", ""), detail == nullptr ? Value() : *detail};
    const bool known = finding.severity == "info" || finding.severity == "warning" || finding.severity == "critical";
    if (!isMetricName(finding.code) || finding.subject.empty() || !known)
        return host.refuse(error, "the finding lacks code, severity or subject");
    auto state = host.state_.lock();
    ++state->reports;
    const auto key = std::make_pair(finding.code, finding.subject);
    state->findings[key] = std::move(finding);
    return AIP_OK;
}

aip_status JobHost::setGauge(void* self, aip_str name, double value) {
    auto& host = *static_cast<JobHost*>(self);
    if (!isMetricName(viewOf(name))) return host.refuse(nullptr, "");
    host.state_.lock()->gauges[std::string(viewOf(name))] = value;
    return AIP_OK;
}

aip_status JobHost::addCounter(void* self, aip_str name, double delta) {
    auto& host = *static_cast<JobHost*>(self);
    if (!isMetricName(viewOf(name)) || delta < 0) return host.refuse(nullptr, "");
    host.state_.lock()->counters[std::string(viewOf(name))] += delta;
    return AIP_OK;
}

}  // namespace agentidp::plugin::contract
