#pragma once
/// @file kernel/cli/import/reference_database.h
/// Somebody else's PostgreSQL database, read only: its tables, and their rows in one snapshot. Blocking; one thread.
#include <functional>
#include <memory>

#include "base/result.h"
#include "base/secret.h"
#include "cli/import/reference_shape.h"

namespace agentidp::cli {

/// What the importer needs of it: a test brings another.
class ReferenceSource {
public:
    virtual ~ReferenceSource() = default;
    /// Every table of the schema that is looked at.
    virtual base::Result<TableColumns> tables() = 0;
    virtual base::Result<std::int64_t> count(const ReferenceTable& table) = 0;
    /// Rows in the table's order, behind `after` (the texts of its order columns; empty: from the beginning), in batches of at most
    /// `batch`. An error of `take` ends it and comes back.
    using Take = std::function<base::Result<void>(std::vector<ReferenceRow>&& rows)>;
    virtual base::Result<void> read(const ReferenceTable& table, const FoundTable& found, const std::vector<std::string>& after,
                                    std::size_t batch, const Take& take) = 0;
};

class ReferenceDatabase final : public ReferenceSource {
public:
    /// `dsn`: a URI or key=value string of libpq. `schema`: where the tables are. Errors: Invalid (no such string), Unavailable; no text
    /// of the server's is passed on that could hold the password.
    static base::Result<std::unique_ptr<ReferenceDatabase>> open(const base::Secret& dsn, std::string schema);
    ~ReferenceDatabase() override;
    base::Result<TableColumns> tables() override;
    base::Result<std::int64_t> count(const ReferenceTable& table) override;
    base::Result<void> read(const ReferenceTable& table, const FoundTable& found, const std::vector<std::string>& after, std::size_t batch,
                            const Take& take) override;

private:
    struct Connection;
    ReferenceDatabase(std::unique_ptr<Connection> connection, std::string schema);
    std::unique_ptr<Connection> connection_;
    std::string schema_;
    TableColumns tables_;
};

}  // namespace agentidp::cli
