/// Storage in a schema of a PostgreSQL database, for any number of daemons. The schema is made by the first migrate or restore,
/// never by start.
#include <agentidp/plugin.hpp>
#include <memory>

#include "database.h"
#include "sql/steps.h"

namespace agentidp::storage_postgresql {

class StoragePostgresql final : public aip::StoragePlugin {
public:
    aip::Status configure(const aip::Config& config) override {
        settings_.url = config.text("url");
        settings_.schema = config.text("schema", "agentidp");
        settings_.readers = static_cast<std::size_t>(config.integer("readers", 4));
        settings_.locks = config.text("locks", "advisory") == "rows" ? Locks::Rows : Locks::Advisory;
        settings_.prepare = config.text("prepare", "auto") == "auto";
        const auto& name = settings_.schema;
        const bool plain = !name.empty() && name.size() <= 48 && name[0] >= 'a' && name[0] <= 'z' &&
                           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
        if (!plain) return aip::invalid("schema is not a plain name of lower case letters, digits and _");
        if (settings_.url.empty()) return aip::invalid("url is missing: a reference to the connection string, such as env:DATABASE_URL");
        return {};
    }
    aip::Status start(const aip::Call& call) override {
        database_ = std::make_unique<Database>(settings_, host());
        return database_->start(call);
    }
    aip::Status stop(const aip::Call&) override {
        database_.reset();
        return {};
    }
    aip::Status health(aip::Fields& details, const aip::Call& call) override { return database_->health(details, call); }
    aip::StorageAbilities abilities() const override { return {"postgres", true, true}; }
    aip::Status apply(const Apply& what, aip::ResultWriter& out, const aip::Call& call) override {
        return database_->apply(what, out, call);
    }
    aip::Outcome<aip::MigrationStatus> migrate(std::string_view schemaJson, Migrate mode, const aip::Call& call) override {
        auto wanted = sql::parseSchema(schemaJson);
        if (!wanted) return wanted.fail();
        if (mode == Migrate::Up)
            if (auto done = database_->migrate(*wanted, call); !done) return done.fail();
        auto applied = database_->applied(call);
        if (!applied) return applied.fail();
        if (auto agreed = sql::agrees(*applied, *wanted); !agreed) return agreed.fail();
        return sql::statusOf(*applied, *wanted);
    }
    aip::Status watch(std::function<void()> changed, const aip::Call& call) override { return database_->watch(std::move(changed), call); }
    aip::Status backup(const Receive& out, const aip::Call& call) override { return database_->backup(out, call); }
    aip::Status restore(const Provide& in, const aip::Call& call) override { return database_->restore(in, call); }

private:
    Settings settings_;
    std::unique_ptr<Database> database_;
};

}  // namespace agentidp::storage_postgresql

AGENTIDP_PLUGIN(STORAGE, agentidp::storage_postgresql::StoragePostgresql, "postgresql", "1.0.0", "AgentIdP",
                AIP_F_CONCURRENT | AIP_F_THREADS | AIP_F_BLOCKS, R"json({
    "url": {"type": "secret_ref", "default": "env:DATABASE_URL", "doc": "Where the connection string stands: a postgresql:// URI or libpq's key=value form, with several hosts where there are several (target_session_attrs=read-write finds the one that takes writes)."},
    "schema": {"type": "string", "default": "agentidp", "doc": "The schema our tables live in. Nothing outside it is touched."},
    "locks": {"type": "string", "default": "advisory", "enum": ["advisory", "rows"], "doc": "What puts the writes of several daemons in order. rows: for engines that speak the protocol and have no advisory locks; the same for all daemons."},
    "prepare": {"type": "string", "default": "auto", "enum": ["auto", "never"], "doc": "auto: frequent statements are parsed and planned once for each connection, where the server itself is at its other end and not a pooler."},
    "readers": {"type": "integer", "default": 4, "min": 1, "max": 64, "doc": "Connections that read beside the one that writes."}
})json")
