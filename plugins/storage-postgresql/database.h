#pragma once
/// @file plugins/storage-postgresql/database.h
/// Connections to one database: one that writes, some that read, each made when it is first needed and again where it broke; the
/// tables as the applied steps add up to; the thread that listens for commits of others.
#include <agentidp/plugin.hpp>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "connection.h"
#include "run.h"
#include "sql/gate.h"

namespace agentidp::storage_postgresql {

struct Settings {
    std::string url;     ///< a secret reference
    std::string schema;  ///< a plain name
    std::size_t readers = 4;
    bool prepare = true;
    Locks locks = Locks::Advisory;
};

/// Any thread.
class Database {
public:
    Database(const Settings& settings, const aip::Host& host);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// One connection, to see that the server is there and fit, and the tables it holds.
    aip::Status start(const aip::Call& call);
    aip::Status apply(const aip::StoragePlugin::Apply& what, aip::ResultWriter& out, const aip::Call& call);
    aip::Outcome<std::vector<sql::Step>> applied(const aip::Call& call);
    aip::Status migrate(const std::vector<sql::Step>& wanted, const aip::Call& call);
    aip::Status watch(std::function<void()> changed, const aip::Call& call);
    aip::Status backup(const aip::StoragePlugin::Receive& out, const aip::Call& call);
    aip::Status restore(const aip::StoragePlugin::Provide& in, const aip::Call& call);
    aip::Status health(aip::Fields& details, const aip::Call& call);

private:
    class Reader;
    [[nodiscard]] aip::Outcome<std::unique_ptr<Connection>> connect(const aip::Call& call) const;
    [[nodiscard]] std::shared_ptr<Statements> statements() const;
    aip::Status learn(Connection& connection, const aip::Call& call);
    aip::Status read(const aip::Ops& ops, aip::ResultWriter& out, const aip::Call& call);
    aip::Status write(const aip::StoragePlugin::Apply& what, aip::ResultWriter& out, const aip::Call& call);
    [[nodiscard]] bool mayBeBehind(const aip::Fail& fail) const;
    [[nodiscard]] bool learnedMore(const aip::Call& call);
    aip::Status changeTables(const aip::Call& call, const std::function<aip::Status(Connection&)>& work);
    aip::Status readyWriter(const aip::Call& call);
    void end(void** tx, const aip::Call& call);
    [[nodiscard]] bool forgot(Connection& connection);
    void listen(const std::function<void()>& changed);
    void lookForPredecessor(Connection& connection, const aip::Call& call);
    [[nodiscard]] std::string channel() const;

    const Settings settings_;
    aip::Host host_;
    sql::Gate writers_{1};
    std::unique_ptr<Connection> writer_;  ///< of whoever is through the gate
    sql::Gate readers_;
    mutable std::mutex mutex_;  ///< of statements_ and idle_
    std::shared_ptr<Statements> statements_;
    std::vector<std::unique_ptr<Connection>> idle_;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> prepares_;
    std::thread listener_;
};

}  // namespace agentidp::storage_postgresql
