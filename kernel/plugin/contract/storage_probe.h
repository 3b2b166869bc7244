#pragma once
/// @file kernel/plugin/contract/storage_probe.h
/// What the cases of the storage contract share: their schema, and a store under test that remembers the first thing that
/// was not as promised. Private to this folder.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/contract/storage_contract.h"

namespace agentidp::plugin::contract {

/// things (id; one nullable column of each type), names (id; owner and label unique together), pairs (a, b; value).
[[nodiscard]] std::string_view contractSchema();
/// The same and a second step: `things` learns `color` and `weight` (default 7), and a table `extras` appears.
[[nodiscard]] std::string_view widerContractSchema();
/// The first step of contractSchema with one column's type changed.
[[nodiscard]] std::string_view differingContractSchema();

/// Not for several threads at once, but for expect, which may be called by any.
class StorageProbe {
public:
    /// A fresh store, migrated to contractSchema().
    explicit StorageProbe(StorageSubject& subject);
    enum class Start { Empty };
    StorageProbe(StorageSubject& subject, Start empty);

    [[nodiscard]] Storage& store() { return *store_; }
    [[nodiscard]] StorageSubject& subject() { return subject_; }
    [[nodiscard]] Call call(base::milliseconds within = base::seconds(20)) const { return callWithin(subject_.clock, within); }

    void expect(bool held, const std::string& otherwise);
    /// `result` must be an error of this code.
    template <class T>
    void expectError(const base::Result<T>& result, base::Errc code, const std::string& what) {
        if (result.ok())
            expect(false, what + " succeeded");
        else
            expect(result.error().code == code, what + " failed otherwise than promised: " + told(result.error()));
    }
    /// All of `ops` in one committed transaction, which must succeed.
    std::vector<OpResult> commit(const std::vector<Op>& ops);
    /// All of `ops` in one committed transaction, which must fail thus.
    void refuses(const std::vector<Op>& ops, base::Errc code, const std::string& what);
    /// One reading operation of a snapshot, which must succeed.
    OpResult read(const Op& op);
    /// `op` alone in a snapshot, which must fail thus.
    void refusesToRead(const Op& op, base::Errc code, const std::string& what);
    /// The first columns of the rows of a select, as integers.
    std::vector<std::int64_t> ids(const Op& op);
    void migrate(std::string_view schema);

    [[nodiscard]] std::optional<std::string> verdict() const { return first_; }
    [[nodiscard]] static std::string told(const base::Error& error);

private:
    StorageSubject& subject_;
    std::shared_ptr<Storage> store_;
    std::optional<std::string> first_;
};

/// A row of `things` of which only the id matters.
[[nodiscard]] Op thing(std::int64_t id, std::string name = "thing");
[[nodiscard]] Op thingsWhere(std::vector<Where> where, std::uint32_t limit = 100);
[[nodiscard]] std::string listed(const std::vector<std::int64_t>& ids);
/// The integer at that place of the rows; INT64_MIN where there is none.
[[nodiscard]] std::int64_t intAt(const OpResult& result, std::size_t row, std::size_t column);

using StorageCases = std::vector<Case<StorageSubject>>;
void addValueCases(StorageCases& cases);        ///< values, comparisons, order, limits
void addMutationCases(StorageCases& cases);     ///< insert, update, remove, and what they refuse
void addTransactionCases(StorageCases& cases);  ///< groups, abort, snapshots, deadlines, threads
void addStoreCases(StorageCases& cases);        ///< migrate, backup, restore

}  // namespace agentidp::plugin::contract
