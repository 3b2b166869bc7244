#pragma once
/// @file plugins/storage-sqlite/storage_sqlite.h
/// Storage in one SQLite file, for one daemon. The file is made by the first migrate or restore, never by start.
#include <agentidp/plugin.hpp>
#include <atomic>
#include <memory>
#include <mutex>

#include "database.h"

namespace agentidp::storage_sqlite {

class StorageSqlite final : public aip::StoragePlugin {
public:
    aip::Status configure(const aip::Config& config) override;
    aip::Status start(const aip::Call& call) override;
    aip::Status health(aip::Fields& details, const aip::Call& call) override;
    aip::Status stop(const aip::Call& call) override;
    aip::StorageAbilities abilities() const override { return {"sqlite", false, true}; }
    aip::Status apply(const Apply& what, aip::ResultWriter& out, const aip::Call& call) override;
    aip::Outcome<aip::MigrationStatus> migrate(std::string_view schemaJson, Migrate mode, const aip::Call& call) override;
    aip::Status backup(const Receive& out, const aip::Call& call) override;
    aip::Status restore(const Provide& in, const aip::Call& call) override;

private:
    /// The open database, or null where the file is absent or empty. Once open it stays so until stop.
    [[nodiscard]] Database* database() const { return open_.load(std::memory_order_acquire); }
    aip::Status openUnder(const std::lock_guard<std::mutex>& opening, const aip::Call& call);

    Settings settings_;
    std::mutex opening_;  ///< of database_ while it is being made
    std::unique_ptr<Database> database_;
    std::atomic<Database*> open_{nullptr};
};

}  // namespace agentidp::storage_sqlite
