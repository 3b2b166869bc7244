#include "parameters.h"

#include <libpq-fe.h>

#include <cstring>

namespace agentidp::storage_postgresql {

namespace {

/// Microseconds from 1970-01-01 to 2000-01-01.
constexpr std::int64_t kEpoch = 946'684'800'000'000;
/// What a timestamptz holds, 4713 BC to AD 294276, in microseconds from 2000-01-01.
constexpr std::int64_t kEarliest = -211'813'488'000'000'000, kLatest = 9'223'371'331'200'000'000 - 1;
constexpr char kJsonbVersion = 1;

/// The object identifiers of pg_type, fixed for built-in types.
struct Type {
    unsigned scalar, array;
};
Type typeOf(std::uint32_t type) {
    switch (type) {
        case AIP_V_BOOL: return {16, 1000};
        case AIP_V_INT: return {20, 1016};
        case AIP_V_TEXT: return {25, 1009};
        case AIP_V_BYTES: return {17, 1001};
        case AIP_V_TIME: return {1184, 1185};
        case AIP_V_JSON: return {3802, 3807};
        default: return {0, 0};
    }
}

template <class T>
void bigEndian(std::string& out, T number) {
    for (int shift = 8 * (static_cast<int>(sizeof number) - 1); shift >= 0; shift -= 8)
        out.push_back(static_cast<char>(static_cast<std::make_unsigned_t<T>>(number) >> static_cast<unsigned>(shift)));
}

std::int64_t fromBigEndian(const char* at) {
    std::uint64_t number = 0;
    for (int i = 0; i < 8; ++i) number = number << 8U | static_cast<unsigned char>(at[i]);
    return static_cast<std::int64_t>(number);
}

bool timeOf(std::int64_t micros, std::int64_t& out) {
    return !__builtin_sub_overflow(micros, kEpoch, &out) && out >= kEarliest && out <= kLatest;
}

/// The value's own bytes, for everything but text and bytes.
bool fixed(const aip_value& value, std::string& out) {
    std::int64_t time = 0;
    switch (value.type) {
        case AIP_V_BOOL: out.push_back(value.i != 0 ? '\1' : '\0'); return true;
        case AIP_V_INT: bigEndian(out, value.i); return true;
        case AIP_V_TIME:
            if (!timeOf(value.i, time)) return false;
            bigEndian(out, time);
            return true;
        case AIP_V_JSON:
            out.push_back(kJsonbVersion);
            out.append(aip::view(value.s));
            return true;
        default: return false;
    }
}

bool isBorrowed(std::uint32_t type) { return type == AIP_V_TEXT || type == AIP_V_BYTES; }

}  // namespace

void Parameters::clear() {
    all_.clear();
    owned_.clear();
}

void Parameters::own(unsigned type, std::string bytes) {
    all_.push_back({type, true, owned_.size(), nullptr, static_cast<int>(bytes.size())});
    owned_.push_back(std::move(bytes));
}

void Parameters::borrow(unsigned type, std::string_view bytes) {
    // libpq takes a null pointer for NULL.
    all_.push_back({type, false, 0, bytes.empty() ? "" : bytes.data(), static_cast<int>(bytes.size())});
}

bool Parameters::add(const aip_value& value) {
    if (value.type == AIP_V_NULL) {
        addNull();
        return true;
    }
    const unsigned type = typeOf(value.type).scalar;
    if (isBorrowed(value.type)) {
        borrow(type, aip::view(value.s));
        return true;
    }
    std::string bytes;
    if (!fixed(value, bytes)) return false;
    own(type, std::move(bytes));
    return true;
}

void Parameters::addInteger(std::int64_t value) {
    std::string bytes;
    bigEndian(bytes, value);
    own(typeOf(AIP_V_INT).scalar, std::move(bytes));
}

void Parameters::addNull() { all_.push_back({0, false, 0, nullptr, 0}); }

Parameters::Array::Array(std::uint32_t type, std::size_t rows) : type_(type) {
    bigEndian(bytes_, std::int32_t{1});  // dimensions
    bigEndian(bytes_, std::int32_t{1});  // may hold nulls
    bigEndian(bytes_, static_cast<std::int32_t>(typeOf(type).scalar));
    bigEndian(bytes_, static_cast<std::int32_t>(rows));
    bigEndian(bytes_, std::int32_t{1});  // the first index
}

bool Parameters::Array::add(const aip_value& value) {
    if (value.type == AIP_V_NULL) {
        bigEndian(bytes_, std::int32_t{-1});
        return true;
    }
    if (isBorrowed(value.type)) {
        bigEndian(bytes_, static_cast<std::int32_t>(value.s.n));
        bytes_.append(aip::view(value.s));
        return true;
    }
    const std::size_t at = bytes_.size();
    bytes_.append(4, '\0');
    if (!fixed(value, bytes_)) return false;
    std::string length;
    bigEndian(length, static_cast<std::int32_t>(bytes_.size() - at - 4));
    std::memcpy(bytes_.data() + at, length.data(), 4);
    return true;
}

void Parameters::add(const Array& array) { own(typeOf(array.type_).array, array.bytes_); }

Parameters::Raw Parameters::raw() {
    types_.clear();
    values_.clear();
    lengths_.clear();
    formats_.assign(all_.size(), 1);
    for (const One& one : all_) {
        types_.push_back(one.type);
        values_.push_back(one.owned ? owned_[one.at].data() : one.borrowed);
        lengths_.push_back(one.length);
    }
    return {static_cast<int>(all_.size()), types_.data(), values_.data(), lengths_.data(), formats_.data()};
}

bool writeValue(const pg_result* result, int row, int column, std::uint32_t type, aip::ResultWriter& out) {
    if (PQgetisnull(result, row, column) != 0) {
        out.null();
        return true;
    }
    const char* at = PQgetvalue(result, row, column);
    const auto length = static_cast<std::size_t>(PQgetlength(result, row, column));
    if (PQftype(result, column) != typeOf(type).scalar) return false;
    switch (type) {
        case AIP_V_BOOL: out.boolean(length == 1 && *at != 0); return length == 1;
        case AIP_V_INT:
            if (length != 8) return false;
            out.integer(fromBigEndian(at));
            return true;
        case AIP_V_TIME: {
            std::int64_t micros = 0;
            if (length != 8 || __builtin_add_overflow(fromBigEndian(at), kEpoch, &micros)) return false;
            out.time(micros);
            return true;
        }
        case AIP_V_TEXT: out.text({at, length}); return true;
        case AIP_V_JSON:
            if (length < 1 || *at != kJsonbVersion) return false;
            out.json({at + 1, length - 1});
            return true;
        default: out.bytes({at, length}); return true;
    }
}

std::int64_t integerAt(const pg_result* result, int row, int column, std::int64_t otherwise) {
    if (PQntuples(result) <= row || PQgetisnull(result, row, column) != 0 || PQgetlength(result, row, column) != 8) return otherwise;
    return fromBigEndian(PQgetvalue(result, row, column));
}

}  // namespace agentidp::storage_postgresql
