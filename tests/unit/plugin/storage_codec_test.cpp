/// Operations to the border's arrays and records back, by way of the wrapper's own writer; and records that lie.
#include "plugin/storage_codec.h"

#include <agentidp/cpp/storage_values.hpp>
#include <random>

#include "bench.h"

namespace agentidp::plugin {
namespace {

Call call() { return {base::MonoInstant(base::seconds(1)), "request", "tenant"}; }

std::vector<Op> all() {
    std::vector<Op> ops;
    ops.push_back(insertInto("things", {{"id", std::int64_t{7}}, {"name", std::string("seven")}, {"raw", base::Bytes{0, 1}}},
                             Op::OnConflict::Ignore));
    ops.push_back(
        update("things", {{"n", std::int64_t{1}, Assign::Mode::Add}}, {{"id", Compare::In, {std::int64_t{1}, std::int64_t{2}}}}, 2));
    ops.push_back(removeFrom("things", {{"name", Compare::NotNull, {}}}));
    ops.push_back(select("things", {"id", "name"}, {{"at", Compare::Ge, {base::fromMicros(5)}}}, 10, {{"id", true}}, {std::int64_t{9}}));
    ops.push_back(
        count("things", {{"json", Compare::Eq, {JsonText{"{}"}}}, {"flag", Compare::Eq, {true}}, {"no", Compare::Eq, {Value{}}}}));
    ops.push_back(mark(Op::Code::Lock, "tip"));
    ops.push_back(mark(Op::Code::Now));
    return ops;
}

std::string_view textOf(aip_str text) { return {text.p, text.n}; }

}  // namespace

class StorageCodecTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(StorageCodecTest);
    CPPUNIT_TEST(encodesEveryPartOfEveryOperation);
    CPPUNIT_TEST(ownsWhatItEncodedForAnotherThread);
    CPPUNIT_TEST(decodesEveryType);
    CPPUNIT_TEST(decodesFailuresAndSkips);
    CPPUNIT_TEST(refusesEveryTruncation);
    CPPUNIT_TEST(refusesMoreThanWasAskedFor);
    CPPUNIT_TEST(refusesTextsThatAreNone);
    CPPUNIT_TEST(allocatesNothingForRowsThatAreNotThere);
    CPPUNIT_TEST(survivesNoise);
    CPPUNIT_TEST_SUITE_END();

    static void check(const aip_op* op) {
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{AIP_OP_INSERT}, op[0].code);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{AIP_CONFLICT_IGNORE}, op[0].on_conflict);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, op[0].set_n);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{7}, op[0].set[0].value.i);
        CPPUNIT_ASSERT_EQUAL(std::string_view("seven"), textOf(op[0].set[1].value.s));
        CPPUNIT_ASSERT_EQUAL(std::string_view("\0\1", 2), textOf(op[0].set[2].value.s));
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{AIP_V_BYTES}, op[0].set[2].value.type);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{AIP_ADD}, op[1].set[0].mode);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{AIP_IN}, op[1].where[0].compare);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, op[1].where[0].values[1].i);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, op[1].expect);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{AIP_NOTNULL}, op[2].where[0].compare);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{-1}, op[2].expect);
        CPPUNIT_ASSERT_EQUAL(std::string_view("name"), textOf(op[3].columns[1]));
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{AIP_V_TIME}, op[3].where[0].values[0].type);
        CPPUNIT_ASSERT_EQUAL(1U, op[3].order[0].descending);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{9}, op[3].after[0].i);
        CPPUNIT_ASSERT_EQUAL(10U, op[3].limit);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, op[4].where_n);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{AIP_V_JSON}, op[4].where[0].values[0].type);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, op[4].where[1].values[0].i);
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{AIP_V_NULL}, op[4].where[2].values[0].type);
        CPPUNIT_ASSERT_EQUAL(std::string_view("tip"), textOf(op[5].table));
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{AIP_OP_NOW}, op[6].code);
    }
    void encodesEveryPartOfEveryOperation() {
        Frame frame(Frame::Inputs::Borrow, call(), Frame::Sensitive::No);
        const auto ops = all();
        check(encodeOps(frame, ops));
        CPPUNIT_ASSERT(encodeOps(frame, {}) == nullptr);
    }
    void ownsWhatItEncodedForAnotherThread() {
        Frame frame(Frame::Inputs::Copy, call(), Frame::Sensitive::No);
        const aip_op* encoded = nullptr;
        {
            auto ops = all();
            encoded = encodeOps(frame, ops);
            *std::get_if<std::string>(&ops[0].set[1].value) = "XXXXX";
        }
        check(encoded);
        CPPUNIT_ASSERT_EQUAL(std::string_view("tenant"), textOf(frame.call()->tenant));
    }
    void decodesEveryType() {
        std::string bytes;
        aip::ResultWriter writer(bytes);
        writer.beginRows(7);
        for (int row = 0; row < 2; ++row) {
            writer.null();
            writer.boolean(row == 1);
            writer.integer(-row);
            writer.text("naïve");
            writer.bytes(std::string_view("\0\xff", 2));
            writer.time(row);
            writer.json("{}");
        }
        writer.endRows();
        const auto results = decodeResults(bytes, {select("t", {"a", "b", "c", "d", "e", "f", "g"}, {}, 2)});
        CPPUNIT_ASSERT(results.ok());
        const auto& rows = results->front().rows;
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, rows.size());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, results->front().count);
        const Row wanted = {Value{},       true, std::int64_t{-1}, std::string("naïve"), base::Bytes{0, 0xff}, base::fromMicros(1),
                            JsonText{"{}"}};
        CPPUNIT_ASSERT(rows[1] == wanted);
    }
    void decodesFailuresAndSkips() {
        std::string bytes;
        aip::ResultWriter writer(bytes);
        writer.record(AIP_OK, 3);
        writer.record(AIP_E_EXISTS);
        writer.record(AIP_E_CANCELLED);
        writer.record(4711);
        const auto results = decodeResults(bytes, {update("t", {}, {}), insertInto("t", {}), update("t", {}, {}), update("t", {}, {})});
        CPPUNIT_ASSERT(results.ok());
        CPPUNIT_ASSERT((*results)[0].ok);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{3}, (*results)[0].count);
        CPPUNIT_ASSERT(!(*results)[1].ok && (*results)[1].error == base::Errc::Exists && !(*results)[1].skipped);
        CPPUNIT_ASSERT(!(*results)[2].ok && (*results)[2].skipped);
        CPPUNIT_ASSERT(!(*results)[3].ok && (*results)[3].error == base::Errc::Internal);
    }
    static std::string sound() {
        std::string bytes;
        aip::ResultWriter writer(bytes);
        writer.beginRows(2);
        writer.integer(1);
        writer.text("one");
        writer.endRows();
        return bytes;
    }
    static std::vector<Op> asked() { return {select("t", {"id", "name"}, {}, 1)}; }
    void refusesEveryTruncation() {
        CPPUNIT_ASSERT(decodeResults(sound(), asked()).ok());
        for (std::size_t size = 0; size < sound().size(); ++size) CPPUNIT_ASSERT(!decodeResults(sound().substr(0, size), asked()).ok());
        CPPUNIT_ASSERT(!decodeResults(sound() + '\0', asked()).ok());
        CPPUNIT_ASSERT(!decodeResults(sound() + sound(), asked()).ok());
    }
    void refusesMoreThanWasAskedFor() {
        CPPUNIT_ASSERT(!decodeResults(sound(), {select("t", {"id"}, {}, 1)}).ok());
        CPPUNIT_ASSERT(!decodeResults(sound(), {select("t", {"id", "name"}, {}, 0)}).ok());
        CPPUNIT_ASSERT(!decodeResults(sound(), {update("t", {}, {})}).ok());
        CPPUNIT_ASSERT(!decodeResults(sound(), {mark(Op::Code::Now)}).ok());
        std::string negative;
        aip::ResultWriter(negative).record(AIP_OK, -1);
        CPPUNIT_ASSERT(!decodeResults(negative, {update("t", {}, {})}).ok());
        std::string miscounted = sound();
        miscounted[4] = 2;
        CPPUNIT_ASSERT(!decodeResults(miscounted, asked()).ok());
    }
    void refusesTextsThatAreNone() {
        for (const std::string& wrong : {std::string("\xff"), std::string("a\0b", 3), std::string("\xed\xa0\x80")}) {
            std::string bytes;
            aip::ResultWriter writer(bytes);
            writer.beginRows(1);
            writer.text(wrong);
            writer.endRows();
            CPPUNIT_ASSERT(!decodeResults(bytes, {select("t", {"a"}, {}, 1)}).ok());
        }
        std::string bytes;
        aip::ResultWriter writer(bytes);
        writer.beginRows(1);
        writer.boolean(true);
        writer.endRows();
        bytes.back() = 2;
        CPPUNIT_ASSERT(!decodeResults(bytes, {select("t", {"a"}, {}, 1)}).ok());
        bytes[bytes.size() - 2] = 99;
        CPPUNIT_ASSERT(!decodeResults(bytes, {select("t", {"a"}, {}, 1)}).ok());
    }
    void allocatesNothingForRowsThatAreNotThere() {
        std::string bytes = sound();
        const std::uint32_t many = 10'000;
        const std::int64_t count = many;
        std::memcpy(bytes.data() + 4, &count, sizeof count);
        std::memcpy(bytes.data() + 12, &many, sizeof many);
        assertHolds(decodeResults(bytes, {select("t", {"id", "name"}, {}, many)}).error().hint, "cut off");
    }
    void survivesNoise() {
        std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same noise each time
        std::size_t refused = 0;
        for (int i = 0; i < 20'000; ++i) {
            std::string bytes = sound();
            for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
            refused += decodeResults(bytes, asked()).ok() ? 0 : 1;
        }
        CPPUNIT_ASSERT(refused > 10'000);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(StorageCodecTest);

}  // namespace agentidp::plugin
