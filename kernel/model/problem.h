#pragma once
/// @file kernel/model/problem.h
/// Refusals of the REST API (RFC 9457): the one table of codes is problems.def, the one mapping from Errc is here.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/answer.h"

namespace agentidp::model {

enum class ProblemCode {
#define AGENTIDP_PROBLEM(id, code, status, title) id,
#include "model/problems.def"
#undef AGENTIDP_PROBLEM
};
[[nodiscard]] std::string_view nameOf(ProblemCode code);  ///< "VALIDATION_ERROR"
[[nodiscard]] int statusOf(ProblemCode code);
[[nodiscard]] std::string_view titleOf(ProblemCode code);

/// One fault of a body or query. `pointer` is a JSON pointer (RFC 6901) into the body, or "?name" for a query parameter.
struct FieldError {
    std::string pointer;
    std::string detail;
    bool operator==(const FieldError&) const = default;
};

struct Problem {
    ProblemCode code = ProblemCode::Internal;
    std::string detail;  ///< for the client; never quotes a secret
    std::vector<FieldError> errors;
    std::vector<std::pair<std::string, std::string>> headers;  ///< Allow, Retry-After, WWW-Authenticate
    std::string logDetail;                                     ///< for the log only
};

[[nodiscard]] Problem problem(ProblemCode code, std::string detail);
[[nodiscard]] Problem invalid(std::vector<FieldError> errors);
/// Adds `WWW-Authenticate: Bearer error="insufficient_scope"` (RFC 6750 section 3).
[[nodiscard]] Problem insufficientScope(std::string_view scope);
/// Adds Retry-After.
[[nodiscard]] Problem unavailable(std::string logDetail, base::seconds retryAfter = base::seconds(1));
/// NotFound -> 404, Exists and Conflict -> 409, PreconditionFailed -> 412, Unavailable and Deadline -> 503, ...
/// The hint becomes the detail; the error's own detail goes to the log.
[[nodiscard]] Problem problemOf(const base::Error& error);

struct ProblemContext {
    std::string_view instance;  ///< the path asked for
    std::string_view requestId;
    std::string_view typeBase;  ///< the docs page that explains codes; `type` is typeBase + code
};
/// application/problem+json, members type, title, status, detail, instance, code, requestId, errors.
/// 401 and 403 always carry a Bearer challenge.
[[nodiscard]] Answer render(const Problem& problem, const ProblemContext& context);

}  // namespace agentidp::model
