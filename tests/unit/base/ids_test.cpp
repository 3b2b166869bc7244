/// Random bytes and UUIDs (RFC 9562).
#include "base/ids.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace agentidp::base {

class IdsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(IdsTest);
    CPPUNIT_TEST(fillsWithDifferentBytes);
    CPPUNIT_TEST(marksVersionAndVariant);
    CPPUNIT_TEST(matchesThePublishedExample);
    CPPUNIT_TEST(ordersByTime);
    CPPUNIT_TEST(ordersWithinAMillisecond);
    CPPUNIT_TEST(findsTheTimeAgain);
    CPPUNIT_TEST(usesTheRandomnessGiven);
    CPPUNIT_TEST(neverRepeats);
    CPPUNIT_TEST(knowsUuids);
    CPPUNIT_TEST_SUITE_END();

    static constexpr std::array<std::uint8_t, 8> kOnes{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    static constexpr std::array<std::uint8_t, 8> kZeros{};

public:
    void fillsWithDifferentBytes() {
        Bytes first(4096);
        Bytes second(4096);
        fillRandom(first);
        fillRandom(second);
        CPPUNIT_ASSERT(first != second);
        CPPUNIT_ASSERT(std::set<std::uint8_t>(first.begin(), first.end()).size() > 200);
        fillRandom({});
    }

    void marksVersionAndVariant() {
        for (int i = 0; i < 1000; ++i) {
            const auto four = uuidV4();
            const auto seven = uuidV7(fromMicros(1'790'000'000'000'000 + i));
            CPPUNIT_ASSERT(isUuid(four) && isUuid(seven));
            CPPUNIT_ASSERT_EQUAL('4', four[14]);
            CPPUNIT_ASSERT_EQUAL('7', seven[14]);
            for (const auto& uuid : {four, seven}) CPPUNIT_ASSERT(std::string_view("89ab").find(uuid[19]) != std::string_view::npos);
        }
    }

    void matchesThePublishedExample() {
        // RFC 9562 appendix A.6: unix_ts_ms 0x017F22E279B0, rand_b 0x18C4DC0C0C07398F; the 12 bits before carry our microseconds.
        const std::array<std::uint8_t, 8> random{0x18, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F};
        CPPUNIT_ASSERT_EQUAL(std::string("017f22e2-79b0-7000-98c4-dc0c0c07398f"),
                             uuidV7(fromMicros(0x017F22E279B0 * std::int64_t{1000}), random));
    }

    void ordersByTime() {
        std::vector<std::string> made;
        for (std::int64_t micros = 1'700'000'000'000'000; micros < 1'700'000'000'000'000 + 10'000'000; micros += 997)
            made.push_back(uuidV7(fromMicros(micros), made.size() % 2 == 0 ? kOnes : kZeros));
        CPPUNIT_ASSERT(std::is_sorted(made.begin(), made.end()));
    }

    void ordersWithinAMillisecond() {
        std::vector<std::string> made;
        for (std::int64_t micros = 0; micros < 1000; ++micros) made.push_back(uuidV7(fromMicros(micros), micros % 2 == 0 ? kOnes : kZeros));
        CPPUNIT_ASSERT(std::is_sorted(made.begin(), made.end()));
        CPPUNIT_ASSERT(std::adjacent_find(made.begin(), made.end()) == made.end());
    }

    void findsTheTimeAgain() {
        CPPUNIT_ASSERT(fromMicros(1'790'000'000'123'000) == *timeOfUuidV7(uuidV7(fromMicros(1'790'000'000'123'456))));
        CPPUNIT_ASSERT(!timeOfUuidV7(uuidV4()));
        CPPUNIT_ASSERT(!timeOfUuidV7("no uuid"));
    }

    void usesTheRandomnessGiven() {
        CPPUNIT_ASSERT(uuidV7(fromMicros(5), kOnes).ends_with("bfff-ffffffffffff"));
        CPPUNIT_ASSERT(uuidV7(fromMicros(5), kZeros).ends_with("8000-000000000000"));
    }

    void neverRepeats() {
        std::set<std::string> seen;
        for (int i = 0; i < 5000; ++i) {
            CPPUNIT_ASSERT(seen.insert(uuidV4()).second);
            CPPUNIT_ASSERT(seen.insert(uuidV7(fromMicros(1))).second);
        }
    }

    void knowsUuids() {
        CPPUNIT_ASSERT(isUuid("00000000-0000-0000-0000-000000000000"));
        for (const auto* wrong :
             {"", "00000000-0000-0000-0000-00000000000", "00000000-0000-0000-0000-0000000000000", "00000000-0000-0000-0000-00000000000G",
              "0000000000000000000000000000000000000", "00000000-0000-0000-0000_000000000000", "{0000000-0000-0000-0000-00000000000}",
              "ABCDEF00-0000-0000-0000-000000000000", "0000000--0000-0000-0000-000000000000"})
            CPPUNIT_ASSERT_MESSAGE(wrong, !isUuid(wrong));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(IdsTest);

}  // namespace agentidp::base
