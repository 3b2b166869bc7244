#include "secrets/client_secrets.h"

#include <cppunit/extensions/HelperMacros.h>

#include "fakes/fake_clock.h"
#include "fakes/fake_secret_store.h"

namespace agentidp::secrets {
namespace {

using base::Errc;
using base::seconds;

class ClientSecretsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ClientSecretsTest);
    CPPUNIT_TEST(asksOncePerLifetime);
    CPPUNIT_TEST(goesOnWhileTheStoreIsSilentAndEnds);
    CPPUNIT_TEST(isUnavailableForWhatItNeverSaw);
    CPPUNIT_TEST(asksASilentStoreNowAndThenOnly);
    CPPUNIT_TEST(forgetsAtOnceAndRemovesUntilItSucceeds);
    CPPUNIT_TEST(knowsWhatSomebodyElseRemoved);
    CPPUNIT_TEST(holdsNoMoreThanItsBound);
    CPPUNIT_TEST_SUITE_END();

    tests::FakeClock clock_;
    tests::FakeSecretStore store_;
    crypto::HmacSha256 pepper_{base::bytesOf("pepper")};

    ClientSecrets made(Bounds bounds = {}) {
        const auto macUnder = [this](base::BytesView secret) -> base::Result<Mac> { return Mac{"pepper-1", pepper_.mac(secret)}; };
        return {store_, clock_, macUnder, bounds};
    }
    static base::Secret secret(const std::string& text) { return base::Secret::fromText(std::string(text)); }
    void is(ClientSecrets& secrets, const std::string& path, const std::string& text) {
        const auto held = secrets.macOf(path);
        CPPUNIT_ASSERT(held.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("pepper-1"), held->pepperId);
        CPPUNIT_ASSERT(held->mac == pepper_.mac(base::bytesOf(text)));
    }
    static void isNot(Errc code, ClientSecrets& secrets, const std::string& path) {
        const auto held = secrets.macOf(path);
        CPPUNIT_ASSERT(!held.ok());
        CPPUNIT_ASSERT(code == held.error().code);
    }

    void asksOncePerLifetime() {
        auto secrets = made();
        CPPUNIT_ASSERT(secrets.keep("a", secret("one")).ok());
        for (int i = 0; i < 10; ++i) is(secrets, "a", "one");
        CPPUNIT_ASSERT_EQUAL(1, store_.asked());
        clock_.advance(seconds(300));
        for (int i = 0; i < 10; ++i) is(secrets, "a", "one");
        CPPUNIT_ASSERT_EQUAL(2, store_.asked());
        // Another replica reads what this one kept.
        auto other = made();
        is(other, "a", "one");
    }

    void goesOnWhileTheStoreIsSilentAndEnds() {
        auto secrets = made();
        CPPUNIT_ASSERT(secrets.keep("a", secret("one")).ok());
        store_.answer(false);
        clock_.advance(seconds(86'399));
        is(secrets, "a", "one");
        CPPUNIT_ASSERT(secrets.silence() == seconds(0));
        clock_.advance(seconds(1));
        isNot(Errc::Unavailable, secrets, "a");
        CPPUNIT_ASSERT(secrets.silence() == seconds(1));
        store_.answer(true);
        clock_.advance(seconds(5));
        is(secrets, "a", "one");
        CPPUNIT_ASSERT(secrets.silence() == seconds(0));
    }

    void isUnavailableForWhatItNeverSaw() {
        auto secrets = made(), other = made();
        CPPUNIT_ASSERT(other.keep("a", secret("one")).ok());
        store_.answer(false);
        isNot(Errc::Unavailable, secrets, "a");
        const auto kept = secrets.keep("b", secret("two"));
        CPPUNIT_ASSERT(!kept.ok());
        CPPUNIT_ASSERT(Errc::Unavailable == kept.error().code);
    }

    void asksASilentStoreNowAndThenOnly() {
        auto secrets = made();
        store_.answer(false);
        for (int i = 0; i < 100; ++i) isNot(Errc::Unavailable, secrets, "a" + std::to_string(i));
        CPPUNIT_ASSERT_EQUAL(1, store_.asked());
        clock_.advance(seconds(5));
        for (int i = 0; i < 100; ++i) isNot(Errc::Unavailable, secrets, "a" + std::to_string(i));
        CPPUNIT_ASSERT_EQUAL(2, store_.asked());
    }

    void forgetsAtOnceAndRemovesUntilItSucceeds() {
        auto secrets = made();
        CPPUNIT_ASSERT(secrets.keep("a", secret("one")).ok());
        store_.answer(false);
        secrets.forget("a");
        isNot(Errc::Unavailable, secrets, "a");
        clock_.advance(seconds(5));
        CPPUNIT_ASSERT(!secrets.sweep().ok());
        CPPUNIT_ASSERT(store_.holds("a"));
        store_.answer(true);
        clock_.advance(seconds(5));
        CPPUNIT_ASSERT(secrets.sweep().ok());
        CPPUNIT_ASSERT(!store_.holds("a"));
    }

    void knowsWhatSomebodyElseRemoved() {
        auto secrets = made(), other = made();
        CPPUNIT_ASSERT(secrets.keep("a", secret("one")).ok());
        other.forget("a");
        CPPUNIT_ASSERT(other.sweep().ok());
        is(secrets, "a", "one");
        clock_.advance(seconds(300));
        isNot(Errc::NotFound, secrets, "a");
        // Silence afterwards does not bring it back.
        store_.answer(false);
        isNot(Errc::Unavailable, secrets, "a");
    }

    void holdsNoMoreThanItsBound() {
        Bounds bounds;
        bounds.most = 10;
        auto secrets = made(bounds);
        for (int i = 0; i < 30; ++i) CPPUNIT_ASSERT(secrets.keep("a" + std::to_string(i), secret("one")).ok());
        store_.answer(false);
        for (int i = 20; i < 30; ++i) is(secrets, "a" + std::to_string(i), "one");
        isNot(Errc::Unavailable, secrets, "a19");
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ClientSecretsTest);

}  // namespace
}  // namespace agentidp::secrets
