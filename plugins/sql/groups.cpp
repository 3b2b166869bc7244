#include "sql/groups.h"

namespace agentidp::sql {

aip::Outcome<bool> hasGroups(const aip::Ops& ops) {
    bool open = false, any = false;
    for (const aip_op& op : ops) {
        const bool begins = op.code == AIP_OP_SAVEPOINT, ends = op.code == AIP_OP_RELEASE;
        if ((begins && open) || (ends && !open)) return aip::invalid("groups do not nest, and begin before they end");
        open = begins || (open && !ends);
        any = any || begins;
    }
    if (open) return aip::invalid("a group ends in the call that began it");
    return any;
}

bool concernsOnlyItsGroup(aip_status status) {
    return status != AIP_E_DEADLINE && status != AIP_E_CANCELLED && status != AIP_E_UNAVAILABLE && status != AIP_E_INTERNAL;
}

}  // namespace agentidp::sql
