#include "model/problem.h"

#include <algorithm>

#include "base/json.h"

namespace agentidp::model {
namespace {

constexpr std::string_view kChallenge = "WWW-Authenticate";
constexpr std::string_view kPlainChallenge = "Bearer realm=\"agentidp\"";

struct Row {
    std::string_view code;
    int status;
    std::string_view title;
};

constexpr Row kRows[] = {
#define AGENTIDP_PROBLEM(id, code, status, title) {code, status, title},
#include "model/problems.def"
#undef AGENTIDP_PROBLEM
};

const Row& rowOf(ProblemCode code) { return kRows[static_cast<std::size_t>(code)]; }

ProblemCode codeFor(base::Errc code) {
    switch (code) {
        case base::Errc::Invalid: return ProblemCode::ValidationError;
        case base::Errc::NotFound: return ProblemCode::NotFound;
        case base::Errc::Exists:
        case base::Errc::Conflict: return ProblemCode::Conflict;
        case base::Errc::Unauthenticated: return ProblemCode::Unauthorized;
        case base::Errc::Denied: return ProblemCode::Forbidden;
        case base::Errc::PreconditionFailed: return ProblemCode::PreconditionFailed;
        case base::Errc::TooMany: return ProblemCode::RateLimited;
        case base::Errc::TooLarge: return ProblemCode::PayloadTooLarge;
        case base::Errc::Unavailable:
        case base::Errc::Deadline: return ProblemCode::Unavailable;
        case base::Errc::Unsupported: return ProblemCode::ValidationError;
        case base::Errc::Internal: break;
    }
    return ProblemCode::Internal;
}

}  // namespace

std::string_view nameOf(ProblemCode code) { return rowOf(code).code; }
int statusOf(ProblemCode code) { return rowOf(code).status; }
std::string_view titleOf(ProblemCode code) { return rowOf(code).title; }

Problem problem(ProblemCode code, std::string detail) {
    Problem out;
    out.code = code;
    out.detail = std::move(detail);
    return out;
}

Problem invalid(std::vector<FieldError> errors) {
    auto out =
        problem(ProblemCode::ValidationError, errors.size() == 1 ? "one thing is wrong with the request"
                                                                 : std::to_string(errors.size()) + " things are wrong with the request");
    out.errors = std::move(errors);
    return out;
}

Problem insufficientScope(std::string_view scope) {
    auto out = problem(ProblemCode::InsufficientScope, "this needs a token with the scope " + std::string(scope));
    out.headers.emplace_back("WWW-Authenticate",
                             "Bearer realm=\"agentidp\", error=\"insufficient_scope\", scope=\"" + std::string(scope) + "\"");
    return out;
}

Problem unavailable(std::string logDetail, base::seconds retryAfter) {
    auto out = problem(ProblemCode::Unavailable, "a part this needs does not answer now; trying again may help");
    out.logDetail = std::move(logDetail);
    out.headers.emplace_back("Retry-After", std::to_string(retryAfter.count()));
    return out;
}

Problem problemOf(const base::Error& error) {
    const auto code = codeFor(error.code);
    if (code == ProblemCode::Unavailable) return unavailable(error.detail.empty() ? error.hint : error.detail);
    Problem out = problem(code, code == ProblemCode::Internal ? "" : error.hint);
    if (code == ProblemCode::RateLimited) out.headers.emplace_back("Retry-After", "1");
    out.logDetail = error.detail;
    return out;
}

Answer render(const Problem& problem, const ProblemContext& context) {
    Answer answer;
    answer.status = statusOf(problem.code);
    answer.headers = problem.headers;
    const bool challenged = std::any_of(answer.headers.begin(), answer.headers.end(), [](const auto& h) { return h.first == kChallenge; });
    if ((answer.status == 401 || answer.status == 403) && !challenged) answer.headers.emplace_back(kChallenge, kPlainChallenge);
    answer.headers.emplace_back("Content-Type", "application/problem+json");
    answer.headers.emplace_back("Cache-Control", "no-store");
    base::json::Writer writer(answer.body);
    writer.beginObject();
    writer.key("type").text(std::string(context.typeBase).append(nameOf(problem.code)));
    writer.key("title").text(titleOf(problem.code));
    writer.key("status").number(answer.status);
    writer.key("detail").text(problem.detail.empty() ? titleOf(problem.code) : std::string_view(problem.detail));
    writer.key("instance").text(context.instance);
    writer.key("code").text(nameOf(problem.code));
    writer.key("requestId").text(context.requestId);
    writer.key("errors").beginArray();
    for (const auto& error : problem.errors)
        writer.beginObject().key("pointer").text(error.pointer).key("detail").text(error.detail).endObject();
    writer.endArray().endObject();
    return answer;
}

}  // namespace agentidp::model
