#pragma once
/// @file kernel/store/reads.h
/// What every repository does with the answer of a select.
#include <utility>
#include <vector>

#include "plugin/storage.h"

namespace agentidp::store {

/// How long a read of one of our tables may take before the caller gets Errc::Deadline.
inline constexpr base::milliseconds kReadDeadline{2000};

/// Runs one select and decodes its rows.
template <class T, class Decode>
base::Result<std::vector<T>> readAll(plugin::Storage& storage, const base::Clock& clock, plugin::Op select, Decode decode) {
    std::vector<plugin::Op> ops;
    ops.push_back(std::move(select));
    auto results = storage.read(ops, plugin::callWithin(clock, kReadDeadline));
    if (!results) return std::move(results).error();
    if (results->size() != 1) return base::fail(base::Errc::Internal, "", "storage answered another number of results");
    std::vector<T> out;
    out.reserve(results->front().rows.size());
    for (const auto& row : results->front().rows) {
        auto value = decode(row);
        if (!value) return std::move(value).error();
        out.push_back(std::move(*value));
    }
    return out;
}

/// The same where one row is expected: NotFound if there is none.
template <class T, class Decode>
base::Result<T> readOne(plugin::Storage& storage, const base::Clock& clock, plugin::Op select, Decode decode) {
    auto rows = readAll<T>(storage, clock, std::move(select), decode);
    if (!rows) return std::move(rows).error();
    if (rows->empty()) return base::fail(base::Errc::NotFound, "no such object");
    return std::move(rows->front());
}

}  // namespace agentidp::store
