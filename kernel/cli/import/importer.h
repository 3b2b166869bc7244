#pragma once
/// @file kernel/cli/import/importer.h
/// Takes a sentryagent-idp database over: organizations, agents, credentials, live revocations, audit events. Every batch is one Effect of
/// the ledger, so that a row and what is said about it are there together or not at all; a row that is here already is left alone. So a run
/// that was killed is simply run again, and one that was not changes nothing.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "audit/ledger.h"
#include "base/clock.h"
#include "base/json.h"
#include "cli/import/column_cipher.h"
#include "cli/import/reference_database.h"
#include "model/scope.h"
#include "plugin/storage.h"

namespace agentidp::cli {

enum class ImportMode {
    Take,
    Look,  ///< reads, decides and tells; commits nothing
};

struct ImportOptions {
    ImportMode mode = ImportMode::Take;
    /// What imported agents may ask for where the old table keeps no scopes of its own.
    model::ScopeSet scopes{"agents:read"};
    CipherForm form = CipherForm::Hex;
    std::optional<ColumnCipher> cipher;
    std::string actor;  ///< "cli:<uid>"
    std::function<void(const std::string& table, std::size_t done)> progress;
};

/// What became of the rows of one table.
struct ImportTally {
    std::size_t taken = 0;
    std::size_t known = 0;    ///< were here before
    std::size_t refused = 0;  ///< each has a line among the problems, as far as there is room
    std::size_t past = 0;     ///< revocations that have run out by themselves
};

struct ImportReport {
    std::map<std::string, ImportTally> tables;
    std::vector<std::string> absent;                ///< tables we know that the database has not
    std::vector<std::string> left;                  ///< tables, and columns as table.column, that are not taken
    std::vector<std::string> problems;              ///< at most kMostProblems
    std::size_t inVault = 0;                        ///< credentials whose secret is in Vault, not in the table
    std::size_t hashesAgree = 0, hashesDiffer = 0;  ///< audit rows whose hash was worked out again
    static constexpr std::size_t kMostProblems = 100;
    [[nodiscard]] base::json::Value json() const;
};

/// One thread; blocks.
class Importer {
public:
    /// Commits one Effect durably. Exists or Conflict: that Effect alone was undone.
    using Commit = std::function<base::Result<void>(audit::Effect&&)>;
    struct Places {
        ReferenceSource& source;
        plugin::Storage& storage;
        const base::Clock& clock;
        Commit commit;
    };
    Importer(Places places, ImportOptions options) : places_(std::move(places)), options_(std::move(options)) {}
    /// Errc::Invalid: no database of the reference's, or sealed columns and no key. What was committed before an error stays.
    [[nodiscard]] base::Result<ImportReport> run();

private:
    struct Unit {
        std::string what;  ///< for a problem's line
        audit::Effect effect;
    };
    base::Result<void> learn();
    base::Result<void> organizations(const FoundTable& found);
    base::Result<void> agents(const FoundTable& found);
    base::Result<void> credentials(const FoundTable& found);
    base::Result<void> revocations(const FoundTable& found);
    base::Result<void> auditEvents(const FoundTable& found);
    base::Result<void> each(std::string_view table, const FoundTable& found, const std::vector<std::string>& after,
                            const std::function<base::Result<void>(const std::vector<ReferenceRow>&, ImportTally&)>& take);
    base::Result<void> commit(std::vector<Unit>&& units, ImportTally& tally);
    [[nodiscard]] Unit agentOf(const ReferenceRow& row, std::int64_t num) const;
    base::Result<std::optional<Unit>> credentialOf(const ReferenceRow& row);
    [[nodiscard]] audit::Effect eventOf(const ReferenceRow& row);
    [[nodiscard]] model::AuditEvent begin(model::Action action) const;
    base::Result<std::set<std::string>> present(std::string_view table, std::string_view column, const std::vector<ReferenceRow>& rows,
                                                std::string_view as);
    void refuse(ImportTally& tally, const std::string& line);
    /// Where the agents of an organization of the old database belong here.
    struct Home {
        std::int64_t num = 0;
        std::string id;
    };
    [[nodiscard]] const Home& homeOf(const std::string& organization) const;

    Places places_;
    ImportOptions options_;
    ImportReport report_;
    Home default_;
    std::unordered_map<std::string, Home> homes_;  ///< by the old organization id
    struct Known {
        std::int64_t num = 0;  ///< 0 in Look mode, for one that is not here yet
        std::string organization;
    };
    std::unordered_map<std::string, Known> agents_;  ///< by id; all that are here
};

}  // namespace agentidp::cli
