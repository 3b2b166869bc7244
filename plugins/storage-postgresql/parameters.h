#pragma once
/// @file plugins/storage-postgresql/parameters.h
/// Values on their way to the server and back, in the binary formats of PostgreSQL's protocol (manual, chapter 55; timestamps count
/// microseconds from 2000-01-01). Not for several threads at once.
#include <agentidp/plugin.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

struct pg_result;

namespace agentidp::storage_postgresql {

/// The parameters of one statement. Texts and bytes are borrowed until the statement was queued.
class Parameters {
public:
    void clear();
    /// False where the value has no counterpart in PostgreSQL (a time out of its range).
    [[nodiscard]] bool add(const aip_value& value);
    void addInteger(std::int64_t value);
    void addNull();
    /// One column of many rows as an array, see add. `type` is AIP_V_* of the column, for where all are null.
    class Array {
    public:
        Array(std::uint32_t type, std::size_t rows);
        [[nodiscard]] bool add(const aip_value& value);

    private:
        friend class Parameters;
        std::uint32_t type_;
        std::string bytes_;
    };
    void add(const Array& array);

    /// As PQsendQueryParams wants them; valid until the next change.
    struct Raw {
        int count;
        const unsigned* types;
        const char* const* values;
        const int* lengths;
        const int* formats;
    };
    [[nodiscard]] Raw raw();

private:
    void own(unsigned type, std::string bytes);
    void borrow(unsigned type, std::string_view bytes);

    struct One {
        unsigned type;
        bool owned;
        std::size_t at;  ///< in `owned_`, where owned
        const char* borrowed;
        int length;
    };
    std::vector<One> all_;
    std::vector<std::string> owned_;
    std::vector<unsigned> types_;
    std::vector<const char*> values_;
    std::vector<int> lengths_, formats_;
};

/// One value of a binary result, by the type of its column. False where it is not what the schema says.
[[nodiscard]] bool writeValue(const pg_result* result, int row, int column, std::uint32_t type, aip::ResultWriter& out);

/// A bigint of a binary result; `otherwise` where there is none.
[[nodiscard]] std::int64_t integerAt(const pg_result* result, int row, int column, std::int64_t otherwise = 0);

}  // namespace agentidp::storage_postgresql
