#pragma once
/// @file kernel/plugin/contract/storage_contract.h
/// What every storage must do, as suites that run: the promises of aip_storage_ops seen through plugin::Storage.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "plugin/contract/case.h"
#include "plugin/storage.h"

namespace agentidp::plugin::contract {

struct StorageSubject {
    /// The clock by which the storage measures deadlines. It must move by itself: some cases wait for a deadline.
    const base::Clock& clock;
    /// An empty store that no migration has touched, each time another one. It ends with the last holder.
    std::function<std::shared_ptr<Storage>()> fresh;
    /// Further texts that must round-trip, UTF-8 without NUL (for example the naughty strings of the shared vectors).
    std::vector<std::string> texts;
    /// Skip where the store cannot copy itself, as the fake of our unit tests.
    enum class Backups { Offered, Absent };
    Backups backups = Backups::Offered;
};

/// Each case takes fresh stores with a schema of its own (three small tables), so any order and any subset will do.
/// Some start threads; all of them are joined when the case returns. A case lasts at most a few seconds.
[[nodiscard]] std::vector<Case<StorageSubject>> storageContract();

}  // namespace agentidp::plugin::contract
