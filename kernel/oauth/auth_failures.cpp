#include "oauth/auth_failures.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace agentidp::oauth {
namespace {

constexpr base::seconds kMinute{60};
constexpr std::size_t kMaxClaimedLength = 64;

std::int64_t minuteOf(base::Instant at) { return std::chrono::floor<std::chrono::minutes>(at).time_since_epoch().count(); }

/// What a stranger typed, fit for a ledger entry: printable ASCII only.
std::string printable(std::string_view text) {
    std::string out(text.substr(0, kMaxClaimedLength));
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c < 0x20 || c > 0x7E; }, '?');
    return out;
}

model::AuditEvent failureEvent(const AuthFailure& failure, const std::string& claimed) {
    auto event = model::beginEvent(model::Action::AuthFailed, model::Outcome::Failure, failure.origin, "");
    if (failure.client != nullptr) model::setSubject(event, failure.client->agent);
    event.metadataJson.clear();
    base::json::Writer writer(event.metadataJson);
    writer.beginObject().key("reason").text(failure.reason);
    if (!claimed.empty()) writer.key("clientId").text(claimed);
    writer.endObject();
    return event;
}

model::AuditEvent sumEvent(model::AuditEvent event, const std::string& claimed, const std::map<std::string, std::int64_t>& summed) {
    const auto from = std::chrono::floor<std::chrono::minutes>(event.timestamp);
    model::Origin origin;
    origin.at = from + kMinute;
    auto sum = model::beginEvent(model::Action::AuthFailed, model::Outcome::Failure, origin, "");
    sum.ip = std::move(event.ip);
    sum.agentId = std::move(event.agentId);
    sum.agentNum = event.agentNum;
    sum.organizationId = std::move(event.organizationId);
    sum.organizationNum = event.organizationNum;
    std::string reasons;
    std::int64_t count = 0;
    for (const auto& [reason, times] : summed) {
        if (!reasons.empty()) reasons.push_back(',');
        reasons.append(reason).append("=").append(std::to_string(times));
        count += times;
    }
    sum.metadataJson.clear();
    base::json::Writer writer(sum.metadataJson);
    writer.beginObject().key("summed").boolean(true).key("count").number(count).key("reasons").text(reasons);
    writer.key("from").text(base::rfc3339(from));
    if (!claimed.empty()) writer.key("clientId").text(claimed);
    writer.endObject();
    return sum;
}

}  // namespace

std::string addressKey(std::string_view address) {
    std::string text(address);
    in6_addr v6{};
    if (::inet_pton(AF_INET6, text.c_str(), &v6) != 1) return text;
    if (IN6_IS_ADDR_V4MAPPED(&v6)) {
        char v4[INET_ADDRSTRLEN] = {};
        ::inet_ntop(AF_INET, &v6.s6_addr[12], v4, sizeof(v4));
        return v4;
    }
    return base::hex({v6.s6_addr, 8}) + "/64";
}

void AuthFailures::turn(State& state, base::Instant now) {
    // Any other minute, also an earlier one: a clock put back must not stop the counting.
    if (state.current.number == minuteOf(now)) return;
    for (auto& [key, source] : state.current.sources)
        if (!source.summed.empty() && state.due.size() < state.limits.maxSources)
            state.due.push_back(sumEvent(std::move(source.first), source.claimedClient, source.summed));
    state.current = Minute{};
    state.current.number = minuteOf(now);
}

std::optional<base::seconds> AuthFailures::blockedFor(std::string_view address, base::Instant now) {
    auto state = state_.lock();
    turn(*state, now);
    const auto& addresses = state->current.addresses;
    if (addresses.empty()) return std::nullopt;
    const auto found = addresses.find(addressKey(address));
    if (found == addresses.end() || found->second < state->limits.perAddress) return std::nullopt;
    const auto next = std::chrono::floor<std::chrono::minutes>(now) + kMinute;
    return std::max(std::chrono::ceil<base::seconds>(next - now), base::seconds(1));
}

std::optional<model::AuditEvent> AuthFailures::record(const AuthFailure& failure) {
    auto claimed = printable(failure.claimedClient);
    const auto address = addressKey(failure.origin.ip);
    auto state = state_.lock();
    turn(*state, failure.origin.at);
    auto& minute = state->current;
    if (const auto known = minute.addresses.find(address); known != minute.addresses.end())
        ++known->second;
    else if (minute.addresses.size() < state->limits.maxSources)
        minute.addresses.emplace(address, 1);

    std::string key = address + '\n' + claimed;
    auto found = minute.sources.find(key);
    if (found == minute.sources.end()) {
        Source source;
        source.first.timestamp = failure.origin.at;
        if (minute.sources.size() < state->limits.maxSources) {
            source.first = failureEvent(failure, claimed);
            source.claimedClient = claimed;
        } else {
            key.clear();  // the one sum of all that do not fit
        }
        found = minute.sources.try_emplace(std::move(key), std::move(source)).first;
    }
    auto& source = found->second;
    if (!found->first.empty() && ++source.total <= state->limits.eventsPerSource) return failureEvent(failure, claimed);
    ++source.summed[failure.reason];
    return std::nullopt;
}

std::vector<model::AuditEvent> AuthFailures::sweep(base::Instant now) {
    auto state = state_.lock();
    turn(*state, now);
    return std::exchange(state->due, {});
}

}  // namespace agentidp::oauth
