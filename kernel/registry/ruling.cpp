#include "registry/ruling.h"

#include "base/text.h"

namespace agentidp::registry {

model::Problem problemOfCommit(const base::Error& error, bool conditional) {
    if (error.code == base::Errc::Exists) return model::problem(model::ProblemCode::Conflict, "a value that must be unique is taken");
    if (error.code == base::Errc::Conflict)
        return conditional
                   ? model::problem(model::ProblemCode::PreconditionFailed, "the object has changed since it was read")
                   : model::problem(model::ProblemCode::Conflict, "the object was changed by somebody else at the same moment; try again");
    return model::problemOf(error);
}

std::string etagOf(std::int64_t rowVersion) { return "\"" + std::to_string(rowVersion) + "\""; }

bool ifMatchHolds(std::string_view field, std::int64_t rowVersion) {
    if (base::trim(field).empty()) return true;
    const auto wanted = etagOf(rowVersion);
    for (const auto& part : base::split(field, ',')) {
        const auto tag = base::trim(part);
        if (tag == "*" || tag == wanted) return true;
    }
    return false;
}

}  // namespace agentidp::registry
