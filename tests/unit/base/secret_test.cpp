/// Secrets move, and never stay behind.
#include "base/secret.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <type_traits>

namespace agentidp::base {

class SecretTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SecretTest);
    CPPUNIT_TEST(cannotBeCopiedOrCompared);
    CPPUNIT_TEST(movesAndLeavesNothing);
    CPPUNIT_TEST(wipesTheTextItCameFrom);
    CPPUNIT_TEST(wipesWhatItReplaces);
    CPPUNIT_TEST(wipesMemory);
    CPPUNIT_TEST(comparesWholeValues);
    CPPUNIT_TEST(clonesDeliberately);
    CPPUNIT_TEST_SUITE_END();

    template <class T>
    static constexpr bool kComparable = requires(const T& a, const T& b) {
        a == b;
    };

public:
    void cannotBeCopiedOrCompared() {
        CPPUNIT_ASSERT(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
        CPPUNIT_ASSERT((!std::is_convertible_v<Secret, std::string> && !std::is_convertible_v<Secret, BytesView>));
        CPPUNIT_ASSERT(!kComparable<Secret>);
    }

    void movesAndLeavesNothing() {
        Secret first = Secret::fromText("hunter2");
        Secret second = std::move(first);
        CPPUNIT_ASSERT(first.empty());  // NOLINT(bugprone-use-after-move): that is the question
        CPPUNIT_ASSERT(second.text() == "hunter2");
        first = std::move(second);
        CPPUNIT_ASSERT(second.empty());  // NOLINT(bugprone-use-after-move)
        CPPUNIT_ASSERT(first.text() == "hunter2");
        auto& same = first;
        first = std::move(same);
        CPPUNIT_ASSERT(first.text() == "hunter2");
    }

    void wipesTheTextItCameFrom() {
        std::string text = "a secret that is longer than a small string holds";
        const char* memory = text.data();
        const std::size_t size = text.size();
        const Secret secret = Secret::fromText(std::move(text));
        CPPUNIT_ASSERT(text.empty());  // NOLINT(bugprone-use-after-move)
        CPPUNIT_ASSERT_EQUAL(size, secret.view().size());
        // The string still owns that memory: clear() keeps it.
        CPPUNIT_ASSERT_EQUAL(memory, static_cast<const char*>(text.data()));
        for (std::size_t i = 1; i < size; ++i) CPPUNIT_ASSERT_EQUAL('\0', *(&text[0] + i));
    }

    void wipesWhatItReplaces() {
        Secret secret = Secret::fromText("old");
        secret = Secret::fromText("new");
        CPPUNIT_ASSERT(secret.text() == "new");
        secret = Secret();
        CPPUNIT_ASSERT(secret.empty());
    }

    void wipesMemory() {
        Bytes bytes(64, 0xAA);
        wipe(bytes.data(), 63);
        for (std::size_t i = 0; i < 63; ++i) CPPUNIT_ASSERT_EQUAL(std::uint8_t{0}, bytes[i]);
        CPPUNIT_ASSERT_EQUAL(std::uint8_t{0xAA}, bytes[63]);
        wipe(nullptr, 0);
        wipe(nullptr, 5);
    }

    void comparesWholeValues() {
        CPPUNIT_ASSERT(equalConstantTime(bytesOf("abc"), bytesOf("abc")));
        CPPUNIT_ASSERT(equalConstantTime({}, {}));
        for (const auto* other : {"", "ab", "abcd", "xbc", "abx", "ABC"})
            CPPUNIT_ASSERT(!equalConstantTime(bytesOf("abc"), bytesOf(other)));
        for (unsigned bit = 0; bit < 8; ++bit) CPPUNIT_ASSERT(!equalConstantTime(Bytes{0}, Bytes{static_cast<std::uint8_t>(1U << bit)}));
    }

    void clonesDeliberately() {
        const Secret secret = Secret::fromText("hunter2");
        const Secret other = secret.clone();
        CPPUNIT_ASSERT(other.text() == secret.text());
        CPPUNIT_ASSERT(other.view().data() != secret.view().data());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SecretTest);

}  // namespace agentidp::base
