#include "plugin/contract/storage_contract.h"

#include "plugin/contract/storage_probe.h"

namespace agentidp::plugin::contract {

std::vector<Case<StorageSubject>> storageContract() {
    StorageCases cases;
    addValueCases(cases);
    addMutationCases(cases);
    addTransactionCases(cases);
    addStoreCases(cases);
    return cases;
}

}  // namespace agentidp::plugin::contract
