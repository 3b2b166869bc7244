#include "model/audit_event.h"

namespace agentidp::model {

std::string_view nameOf(Action action) {
    switch (action) {
#define AGENTIDP_AUDIT_ACTION(number, id, name) \
    case Action::id:                            \
        return name;
#include "model/audit_actions.def"
#undef AGENTIDP_AUDIT_ACTION
    }
    return "unknown";
}

bool actionNamed(std::string_view name, Action& out) {
#define AGENTIDP_AUDIT_ACTION(number, id, text) \
    if (name == (text)) {                       \
        out = Action::id;                       \
        return true;                            \
    }
#include "model/audit_actions.def"
#undef AGENTIDP_AUDIT_ACTION
    return false;
}

}  // namespace agentidp::model
