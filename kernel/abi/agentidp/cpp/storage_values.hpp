// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file agentidp/cpp/storage_values.hpp
/// The two ends of a storage call without copies: `Ops` reads the host's array in place, `ResultWriter` writes the record
/// format of aip_storage_ops.apply.
#include <agentidp/cpp/host.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace aip {

/// The operations of one apply. A host younger than the plugin has longer elements: the distance between them is their own
/// `size`, so an author indexes through here and never through the bare pointer.
class Ops {
public:
    Ops(const aip_op* first, std::size_t count)
        : first_(reinterpret_cast<const char*>(first)), count_(count), stride_(count == 0 ? 0 : first->size) {}
    std::size_t size() const { return count_; }
    bool empty() const { return count_ == 0; }
    const aip_op& operator[](std::size_t i) const { return *reinterpret_cast<const aip_op*>(first_ + i * stride_); }

    class Iterator {
    public:
        Iterator(const Ops& ops, std::size_t at) : ops_(ops), at_(at) {}
        const aip_op& operator*() const { return ops_[at_]; }
        Iterator& operator++() { return ++at_, *this; }
        bool operator!=(const Iterator& other) const { return at_ != other.at_; }

    private:
        const Ops& ops_;
        std::size_t at_;
    };
    Iterator begin() const { return {*this, 0}; }
    Iterator end() const { return {*this, count_}; }

private:
    const char* first_;
    std::size_t count_;
    std::size_t stride_;
};

/// One record per operation, in order: `record(status, count)` for one without rows, or
/// `beginRows(columns)`, the values row by row, `endRows()`. Appends to a buffer the caller keeps; the wrapper hands it to the
/// host in one piece after apply returned. Little-endian machines only, which is what the host runs on.
class ResultWriter {
public:
    explicit ResultWriter(std::string& buffer) : buffer_(buffer) {}

    void record(aip_status status, std::int64_t count = 0) {
        put(status);
        put(count);
        put(std::uint32_t{0});
        put(std::uint32_t{0});
        ++records_;
    }
    void beginRows(std::uint32_t columns) {
        header_ = buffer_.size();
        columns_ = columns;
        values_ = 0;
        record(AIP_OK);
    }
    void null() { type(AIP_V_NULL); }
    void boolean(bool value) {
        type(AIP_V_BOOL);
        buffer_.push_back(value ? '\1' : '\0');
    }
    void integer(std::int64_t value) { number(AIP_V_INT, value); }
    void time(std::int64_t micros) { number(AIP_V_TIME, micros); }
    void text(std::string_view value) { bytesOf(AIP_V_TEXT, value); }
    void bytes(std::string_view value) { bytesOf(AIP_V_BYTES, value); }
    void json(std::string_view value) { bytesOf(AIP_V_JSON, value); }
    void value(const aip_value& v) {
        switch (v.type) {
            case AIP_V_BOOL: return boolean(v.i != 0);
            case AIP_V_INT:
            case AIP_V_TIME: return number(v.type, v.i);
            case AIP_V_TEXT:
            case AIP_V_BYTES:
            case AIP_V_JSON: return bytesOf(v.type, view(v.s));
            default: return null();
        }
    }
    /// `count` of the record is the number of rows.
    void endRows() {
        const std::uint64_t rows = columns_ == 0 ? 0 : values_ / columns_;
        patch(header_ + 4, static_cast<std::int64_t>(rows));
        patch(header_ + 12, static_cast<std::uint32_t>(rows));
        patch(header_ + 16, columns_);
    }

    /// How many records there are.
    std::size_t records() const { return records_; }
    /// A place to come back to, between records.
    struct Mark {
        std::size_t bytes, records;
    };
    Mark mark() const { return {buffer_.size(), records_}; }
    void rewind(Mark to) {
        buffer_.resize(to.bytes);
        records_ = to.records;
    }

private:
    template <class T>
    void put(T number) {
        buffer_.append(reinterpret_cast<const char*>(&number), sizeof number);
    }
    template <class T>
    void patch(std::size_t at, T number) {
        std::memcpy(buffer_.data() + at, &number, sizeof number);
    }
    void type(std::uint32_t type) {
        buffer_.push_back(static_cast<char>(type));
        ++values_;
    }
    void number(std::uint32_t kind, std::int64_t value) {
        type(kind);
        put(value);
    }
    void bytesOf(std::uint32_t kind, std::string_view value) {
        type(kind);
        put(static_cast<std::uint32_t>(value.size()));
        buffer_.append(value);
    }

    std::string& buffer_;
    std::size_t header_ = 0;
    std::size_t records_ = 0;
    std::uint64_t values_ = 0;
    std::uint32_t columns_ = 0;
};

}  // namespace aip
