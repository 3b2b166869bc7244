#include "macp/refusal.h"

#include <algorithm>

#include "base/json.h"

namespace agentidp::macp {
namespace {

constexpr std::string_view kLater = "temporarily unavailable";
constexpr std::string_view kBug = "internal error";

}  // namespace

MintRefusal refusal(int status, std::string_view error) {
    MintRefusal out;
    out.status = status;
    out.error = error;
    return out;
}

MintRefusal tooManyRequests(base::seconds wait) {
    auto out = refusal(429, "too many requests");
    out.headers.emplace_back("Retry-After", std::to_string(std::max<std::int64_t>(1, wait.count())));
    return out;
}

MintRefusal refusalOf(const base::Error& error) {
    using base::Errc;
    if (error.code != Errc::Unavailable && error.code != Errc::Deadline && error.code != Errc::TooMany && error.code != Errc::Conflict)
        return refusal(500, kBug);
    auto out = refusal(503, kLater);
    out.headers.emplace_back("Retry-After", "1");
    return out;
}

MintRefusal refusalOf(const model::Problem& problem) {
    const int status = model::statusOf(problem.code);
    auto out = refusal(status, status == 503   ? kLater
                               : status == 500 ? kBug
                               : status == 404 ? "not found"
                                               : std::string_view(problem.detail));
    for (const auto& header : problem.headers)
        if (header.first != "Allow") out.headers.push_back(header);
    return out;
}

model::Answer answerOf(int status, std::string body) {
    return {status, {{"Content-Type", std::string(kMediaType)}, {"Cache-Control", "no-store"}}, std::move(body)};
}

model::Answer render(const MintRefusal& refusal) {
    std::string body;
    base::json::Writer(body).beginObject().key("error").text(refusal.error).endObject();
    auto answer = answerOf(refusal.status, std::move(body));
    answer.headers.insert(answer.headers.end(), refusal.headers.begin(), refusal.headers.end());
    return answer;
}

}  // namespace agentidp::macp
