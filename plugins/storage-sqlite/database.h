#pragma once
/// @file plugins/storage-sqlite/database.h
/// An open database: one writing connection behind a gate, reading connections beside it, the checkpointer.
#include <agentidp/plugin.hpp>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "checkpointer.h"
#include "connection.h"
#include "file.h"
#include "sql/gate.h"
#include "sql/schema.h"

namespace agentidp::storage_sqlite {

struct Settings {
    std::string path;  ///< absolute
    std::size_t readers = 4;
    Connection::Tuning writer;
    Connection::Tuning reader;
};

/// Any thread.
class Database {
public:
    /// The file is there, empty or a database that lookAt accepts. A damaged one, or one of another program, is refused before
    /// anything is written to it.
    [[nodiscard]] static aip::Outcome<std::unique_ptr<Database>> open(const Settings& settings, const aip::Host& host,
                                                                      const aip::Call& call);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    aip::Status apply(const aip::StoragePlugin::Apply& what, aip::ResultWriter& out, const aip::Call& call);
    /// The steps that were applied, read anew: another process may have applied some.
    aip::Outcome<std::vector<sql::Step>> applied(const aip::Call& call);
    aip::Status migrate(const std::vector<sql::Step>& wanted, const aip::Call& call);
    /// A consistent copy into the file at `path`, beside writers.
    aip::Status copyTo(const std::string& path, const aip::Call& call);
    /// Looks through every page of the copy at `path`; it is refused where it is not a whole database of ours.
    [[nodiscard]] static aip::Status verify(const std::string& path, const aip::Call& call);
    aip::Status health(aip::Fields& details, const aip::Call& call);

private:
    Database(const Settings& settings, const aip::Host& host);
    class Reader;
    aip::Status examine(const aip::Call& call);
    aip::Status prepareFile();
    aip::Status learnTables();
    [[nodiscard]] std::shared_ptr<const Tables> tables() const;
    aip::Status read(const aip::Ops& ops, aip::ResultWriter& out, const aip::Call& call);
    aip::Status write(const aip::StoragePlugin::Apply& what, aip::ResultWriter& out, const aip::Call& call);
    aip::Status begin(void** tx, const aip::Call& call);
    void end(void** tx);
    aip::Status noted(aip::Status status);

    Settings settings_;
    aip::Host host_;
    FileId file_;
    std::unique_ptr<Connection> writer_;
    sql::Gate writers_{1};
    int walPages_ = 0;  ///< of the last commit; the writer's
    std::atomic<bool> damaged_{false};
    mutable std::mutex mutex_;  ///< of tables_ and idle_
    std::shared_ptr<const Tables> tables_;
    sql::Gate readers_;
    std::vector<std::unique_ptr<Connection>> idle_;
    std::unique_ptr<Checkpointer> checkpointer_;
};

}  // namespace agentidp::storage_sqlite
