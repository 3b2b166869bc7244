/// When signing keys change state, as a table of moments.
#include <cppunit/extensions/HelperMacros.h>

#include "keys/rotation.h"

namespace agentidp::keys {

using base::Errc;
using base::Instant;
using base::seconds;
using model::KeyState;
using model::SigningKey;
using Kind = Transition::Kind;

class RotationTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RotationTest);
    CPPUNIT_TEST(makesTheFirstKeyAtOnce);
    CPPUNIT_TEST(activatesTheFirstKeyWithoutWaiting);
    CPPUNIT_TEST(doesNothingWhileNothingIsDue);
    CPPUNIT_TEST(publishesALaterKeyAndWaitsTheJwksMaxAge);
    CPPUNIT_TEST(activatesExactlyWhenItsTimeHasCome);
    CPPUNIT_TEST(rotatesAfterTheDaysOfThePolicy);
    CPPUNIT_TEST(rotatesWhenAlgorithmOrPluginChange);
    CPPUNIT_TEST(grantsAWishOnlyOnce);
    CPPUNIT_TEST(rotatesNowWhatIsWaiting);
    CPPUNIT_TEST(removesARetiringKeyAfterItsGrace);
    CPPUNIT_TEST(retiresTheOlderOfTwoActiveKeys);
    CPPUNIT_TEST(replacesACompromisedKeyAtOnce);
    CPPUNIT_TEST(picksTheSameOfTwoWaitingKeysEverywhere);
    CPPUNIT_TEST(decidesRetirements);
    CPPUNIT_TEST(ordersTheJwks);
    CPPUNIT_TEST(movesStatesOnlyToTheRight);
    CPPUNIT_TEST(needsAPluginUntilItsKeysAreRetired);
    CPPUNIT_TEST(rotatesUnlessAKeyIsFresh);
    CPPUNIT_TEST(forgetsAWaitingKeyNobodyWants);
    CPPUNIT_TEST(signsWithThePinnedKey);
    CPPUNIT_TEST(followsAChangedPin);
    CPPUNIT_TEST(takesAFormerPinBack);
    CPPUNIT_TEST(passesOverACompromisedPin);
    CPPUNIT_TEST(endsInOneActiveKeyFromEveryCrash);
    CPPUNIT_TEST_SUITE_END();

    static Instant at(std::int64_t second) { return Instant(seconds(1'000'000 + second)); }
    static KeyPolicy policy() {
        KeyPolicy out;
        out.plugin = "file";
        return out;
    }
    static SigningKey key(const char* kid, KeyState state, std::int64_t since) {
        SigningKey out;
        out.kid = model::KeyId(kid);
        out.alg = "ES256";
        out.plugin = "file";
        out.state = state;
        out.createdAt = at(since);
        if (state != KeyState::Pending) out.publishedAt = at(since);
        if (state == KeyState::Published) out.activatesAt = at(since + 3600);
        if (state == KeyState::Active || state == KeyState::Retiring) out.activatedAt = at(since);
        if (state == KeyState::Retiring) out.retiringAt = at(since);
        if (state == KeyState::Gone) out.goneAt = at(since);
        return out;
    }
    static model::KeyId kid(const char* text) { return model::KeyId(text); }
    static void expect(const std::vector<Transition>& wanted, const std::vector<Transition>& got) {
        CPPUNIT_ASSERT_EQUAL(wanted.size(), got.size());
        for (std::size_t i = 0; i < wanted.size(); ++i) CPPUNIT_ASSERT_MESSAGE("step " + std::to_string(i), wanted[i] == got[i]);
    }
    static Transition generate(std::optional<Instant> activatesAt = {}) { return {Kind::Generate, {}, activatesAt, false}; }
    static Transition publish(const char* id, Instant activatesAt) { return {Kind::Publish, kid(id), activatesAt, false}; }
    static Transition step(Kind kind, const char* id, bool compromised = false) { return {kind, kid(id), {}, compromised}; }

public:
    void makesTheFirstKeyAtOnce() {
        expect({generate(at(0))}, decide(at(0), {}, policy()));
        expect({generate(at(0))}, decide(at(0), {key("gone", KeyState::Gone, -9)}, policy()));
    }

    void activatesTheFirstKeyWithoutWaiting() {
        expect({publish("a", at(5)), step(Kind::Activate, "a")}, decide(at(5), {key("a", KeyState::Pending, 0)}, policy()));
        expect({step(Kind::Activate, "a")}, decide(at(5), {key("a", KeyState::Published, 0)}, policy()));
    }

    void doesNothingWhileNothingIsDue() {
        expect({}, decide(at(1'000'000'000), {key("a", KeyState::Active, 0)}, policy()));
        expect({}, decide(at(3599), {key("a", KeyState::Active, -9), key("b", KeyState::Published, 0)}, policy()));
        expect({}, decide(at(-100), {key("a", KeyState::Active, 0)}, policy()));
    }

    void publishesALaterKeyAndWaitsTheJwksMaxAge() {
        expect({publish("b", at(3610))}, decide(at(10), {key("a", KeyState::Active, 0), key("b", KeyState::Pending, 10)}, policy()));
    }

    void activatesExactlyWhenItsTimeHasCome() {
        const std::vector<SigningKey> keys{key("a", KeyState::Active, -9), key("b", KeyState::Published, 0)};
        expect({}, decide(at(3600) - base::microseconds(1), keys, policy()));
        expect({step(Kind::Activate, "b")}, decide(at(3600), keys, policy()));
    }

    void rotatesAfterTheDaysOfThePolicy() {
        auto ninety = policy();
        ninety.rotateAfter = std::chrono::days(90);
        const std::vector<SigningKey> keys{key("a", KeyState::Active, 0)};
        expect({}, decide(at(90 * 86400 - 1), keys, ninety));
        expect({generate()}, decide(at(90 * 86400), keys, ninety));
    }

    void rotatesWhenAlgorithmOrPluginChange() {
        auto other = policy();
        other.alg = crypto::Algorithm::EdDsa;
        expect({generate()}, decide(at(0), {key("a", KeyState::Active, 0)}, other));
        other = policy();
        other.plugin = "vault";
        expect({generate()}, decide(at(0), {key("a", KeyState::Active, 0)}, other));
    }

    void grantsAWishOnlyOnce() {
        const std::vector<SigningKey> one{key("a", KeyState::Active, 0)};
        expect({generate()}, decide(at(0), one, policy(), Wish::Rotate));
        expect({generate(at(0))}, decide(at(0), one, policy(), Wish::RotateNow));
        const std::vector<SigningKey> two{key("a", KeyState::Active, 0), key("b", KeyState::Published, 0)};
        expect({}, decide(at(0), two, policy(), Wish::Rotate));
    }

    void rotatesNowWhatIsWaiting() {
        expect({step(Kind::Activate, "b")},
               decide(at(0), {key("a", KeyState::Active, 0), key("b", KeyState::Published, 0)}, policy(), Wish::RotateNow));
        expect({publish("b", at(7)), step(Kind::Activate, "b")},
               decide(at(7), {key("a", KeyState::Active, 0), key("b", KeyState::Pending, 0)}, policy(), Wish::RotateNow));
        // What `rotate --now` generated remembers it in its row, should the process die before it is published.
        auto pending = key("b", KeyState::Pending, 0);
        pending.activatesAt = at(0);
        expect({publish("b", at(0)), step(Kind::Activate, "b")}, decide(at(7), {key("a", KeyState::Active, 0), pending}, policy()));
    }

    void removesARetiringKeyAfterItsGrace() {
        const std::vector<SigningKey> keys{key("a", KeyState::Retiring, 0), key("b", KeyState::Active, 0)};
        expect({}, decide(at(86399), keys, policy()));
        expect({step(Kind::Remove, "a")}, decide(at(86400), keys, policy()));
    }

    void retiresTheOlderOfTwoActiveKeys() {
        expect({step(Kind::Retire, "a")}, decide(at(9), {key("a", KeyState::Active, 0), key("b", KeyState::Active, 1)}, policy()));
    }

    void replacesACompromisedKeyAtOnce() {
        auto bad = key("a", KeyState::Gone, 0);
        bad.compromised = true;
        expect({generate(at(9))}, decide(at(9), {bad}, policy()));
        expect({step(Kind::Activate, "b")}, decide(at(9), {bad, key("b", KeyState::Published, 0)}, policy()));
        bad.state = KeyState::Active;
        expect({generate(at(9)), step(Kind::Remove, "a", true)}, decide(at(9), {bad}, policy()));
        bad.state = KeyState::Published;
        expect({step(Kind::Remove, "a", true)}, decide(at(9), {bad, key("b", KeyState::Active, 0)}, policy()));
    }

    void picksTheSameOfTwoWaitingKeysEverywhere() {
        const auto b = key("b", KeyState::Published, 0);
        const auto c = key("c", KeyState::Published, 0);
        for (const auto& keys : {std::vector<SigningKey>{b, c}, std::vector<SigningKey>{c, b}})
            expect({step(Kind::Activate, "b")}, decide(at(9), keys, policy()));
    }

    void decidesRetirements() {
        const std::vector<SigningKey> keys{key("old", KeyState::Retiring, 0), key("now", KeyState::Active, 1),
                                           key("next", KeyState::Published, 2), key("gone", KeyState::Gone, 3)};
        const auto code = [&](const char* id, Compromise compromise) { return decideRetirement(keys, kid(id), compromise).error().code; };
        CPPUNIT_ASSERT(code("unknown", Compromise::No) == Errc::NotFound);
        CPPUNIT_ASSERT(code("unknown", Compromise::Yes) == Errc::NotFound);
        CPPUNIT_ASSERT(code("now", Compromise::No) == Errc::Conflict);
        expect({step(Kind::Remove, "now", true)}, decideRetirement(keys, kid("now"), Compromise::Yes).value());
        expect({step(Kind::Remove, "old")}, decideRetirement(keys, kid("old"), Compromise::No).value());
        expect({step(Kind::Remove, "next")}, decideRetirement(keys, kid("next"), Compromise::No).value());
        expect({}, decideRetirement(keys, kid("gone"), Compromise::No).value());
        expect({step(Kind::Remove, "gone", true)}, decideRetirement(keys, kid("gone"), Compromise::Yes).value());
    }

    void ordersTheJwks() {
        auto bad = key("bad", KeyState::Retiring, 9);
        bad.compromised = true;
        const std::vector<SigningKey> keys{key("old", KeyState::Retiring, 0),
                                           key("older", KeyState::Retiring, -5),
                                           key("now", KeyState::Active, 1),
                                           key("next", KeyState::Published, 2),
                                           key("pending", KeyState::Pending, 3),
                                           key("gone", KeyState::Gone, 4),
                                           bad};
        std::string order;
        for (const auto* one : publishedAmong(keys)) order += one->kid.str() + " ";
        CPPUNIT_ASSERT_EQUAL(std::string("now next old older "), order);
    }

    void movesStatesOnlyToTheRight() {
        auto row = key("a", KeyState::Pending, 0);
        for (const auto& [kind, state] : {std::pair{Kind::Publish, KeyState::Published}, std::pair{Kind::Activate, KeyState::Active},
                                          std::pair{Kind::Retire, KeyState::Retiring}, std::pair{Kind::Remove, KeyState::Gone}}) {
            const auto before = row.state;
            row = after(row, {kind, row.kid, at(50), false}, at(9));
            CPPUNIT_ASSERT(row.state == state);
            CPPUNIT_ASSERT(static_cast<int>(row.state) > static_cast<int>(before));
        }
        CPPUNIT_ASSERT(row.publishedAt == at(9) && row.activatesAt == at(50) && row.activatedAt == at(9) && row.retiringAt == at(9) &&
                       row.goneAt == at(9));
        CPPUNIT_ASSERT(!row.compromised);
        row = after(row, step(Kind::Remove, "a", true), at(99));
        CPPUNIT_ASSERT(row.compromised && row.goneAt == at(9));
    }

    void needsAPluginUntilItsKeysAreRetired() {
        CPPUNIT_ASSERT(isNeeded({key("a", KeyState::Active, 0)}, "file"));
        CPPUNIT_ASSERT(isNeeded({key("a", KeyState::Published, 0)}, "file"));
        CPPUNIT_ASSERT(!isNeeded({key("a", KeyState::Active, 0)}, "vault"));
        CPPUNIT_ASSERT(!isNeeded({key("a", KeyState::Retiring, 0), key("b", KeyState::Gone, 0)}, "file"));
    }

    void rotatesUnlessAKeyIsFresh() {
        const std::vector<SigningKey> keys{key("a", KeyState::Active, 0)};
        expect({}, decide(at(3599), keys, policy(), Wish::RotateUnlessFresh));
        expect({generate()}, decide(at(3600), keys, policy(), Wish::RotateUnlessFresh));
        expect({}, decide(at(3600), {key("a", KeyState::Active, 0), key("b", KeyState::Published, 1)}, policy(), Wish::RotateUnlessFresh));
    }

    void forgetsAWaitingKeyNobodyWants() {
        auto other = key("b", KeyState::Published, 0);
        other.plugin = "vault";
        const std::vector<SigningKey> keys{key("a", KeyState::Active, -9), other};
        expect({}, decide(at(3599), keys, policy()));
        expect({step(Kind::Remove, "b")}, decide(at(3600), keys, policy()));
        other.state = KeyState::Pending;
        other.activatesAt.reset();
        expect({step(Kind::Remove, "b")}, decide(at(3600), {key("a", KeyState::Active, -9), other}, policy()));
    }

    static KeyPolicy pinning(const char* fingerprint, Pin::Activation activation = Pin::Activation::Wait) {
        auto out = policy();
        out.rotateAfter = std::chrono::days(1);
        out.pin = Pin{fingerprint, "", activation};
        return out;
    }
    static SigningKey pin(const char* id, KeyState state, std::int64_t since) {
        auto out = key(id, state, since);
        out.plugin = kPinnedHolder;
        out.fingerprint = id;
        return out;
    }

    void signsWithThePinnedKey() {
        expect({generate(at(0))}, decide(at(0), {}, pinning("p")));
        expect({generate()}, decide(at(0), {key("a", KeyState::Active, 0)}, pinning("p")));
        expect({generate(at(0))}, decide(at(0), {key("a", KeyState::Active, 0)}, pinning("p", Pin::Activation::Now)));
        // It never ages, and no wish moves it.
        const std::vector<SigningKey> signing{pin("p", KeyState::Active, 0)};
        for (const auto wish : {Wish::None, Wish::Rotate, Wish::RotateNow, Wish::RotateUnlessFresh})
            expect({}, decide(at(1'000'000'000), signing, pinning("p"), wish));
        // A generated key that waited does not overtake it.
        expect({step(Kind::Remove, "b")},
               decide(at(3600), {pin("p", KeyState::Active, 0), key("b", KeyState::Published, 0)}, pinning("p")));
    }

    void followsAChangedPin() {
        const std::vector<SigningKey> keys{pin("p", KeyState::Active, 0), pin("q", KeyState::Published, 0)};
        expect({}, decide(at(3599), keys, pinning("q")));
        expect({step(Kind::Activate, "q")}, decide(at(3600), keys, pinning("q")));
        expect({step(Kind::Activate, "q")}, decide(at(1), keys, pinning("q", Pin::Activation::Now)));
        // Without a pin a generated key follows.
        expect({generate()}, decide(at(0), {pin("p", KeyState::Active, 0)}, policy()));
        expect({}, decide(at(3599), {pin("p", KeyState::Active, 0), key("a", KeyState::Published, 0)}, policy()));
        // The name a JWK gives itself counts: the same key by another name is another row.
        auto named = pinning("p");
        named.pin->kid = "mine";
        expect({generate()}, decide(at(0), {pin("p", KeyState::Active, 0)}, named));
        auto otherAlg = pinning("p");
        otherAlg.alg = crypto::Algorithm::Rs256;
        expect({generate()}, decide(at(0), {pin("p", KeyState::Active, 0)}, otherAlg));
    }

    void takesAFormerPinBack() {
        const std::vector<SigningKey> retiring{pin("p", KeyState::Retiring, 0), pin("q", KeyState::Active, 0)};
        expect({publish("p", at(9))}, decide(at(9), retiring, pinning("p")));
        expect({publish("p", at(90'000))}, decide(at(90'000), retiring, pinning("p")));
        const std::vector<SigningKey> gone{pin("p", KeyState::Gone, 0), pin("q", KeyState::Active, 0)};
        expect({publish("p", at(9 + 3600))}, decide(at(9), gone, pinning("p")));
        expect({publish("p", at(9))}, decide(at(9), gone, pinning("p", Pin::Activation::Now)));
        expect({publish("p", at(9))}, decide(at(9), {pin("p", KeyState::Gone, 0)}, pinning("p")));
        const auto back = after(pin("p", KeyState::Gone, 0), publish("p", at(50)), at(9));
        CPPUNIT_ASSERT(back.state == KeyState::Published && back.activatesAt == at(50) && !back.goneAt && !back.retiringAt &&
                       !back.activatedAt);
    }

    void passesOverACompromisedPin() {
        auto bad = pin("p", KeyState::Gone, 0);
        bad.compromised = true;
        expect({generate(at(9))}, decide(at(9), {bad}, pinning("p")));
        expect({}, decide(at(9), {bad, key("a", KeyState::Active, 0)}, pinning("p")));
        auto wrapped = pin("p", KeyState::Active, 0);
        wrapped.wrapped = base::Bytes{1};
        CPPUNIT_ASSERT(!after(wrapped, step(Kind::Retire, "p"), at(9)).wrapped);
        CPPUNIT_ASSERT(!after(wrapped, step(Kind::Remove, "p", true), at(9)).wrapped);
    }

    // Carries out what was decided on rows alone, stopping after every possible number of steps and beginning again later.
    void endsInOneActiveKeyFromEveryCrash() {
        for (int crashAfter = 0; crashAfter < 6; ++crashAfter) {
            std::vector<SigningKey> rows{key("first", KeyState::Active, 0)};
            const auto run = [&rows](Instant now, Wish wish, int most) {
                for (int done = 0; done < most;) {
                    const auto transitions = decide(now, rows, policy(), wish);
                    if (transitions.empty()) return;
                    const auto& transition = transitions.front();
                    if (transition.kind == Kind::Generate) {
                        auto fresh = key("second", KeyState::Pending, 0);
                        fresh.activatesAt = transition.activatesAt;
                        rows.push_back(fresh);
                    }
                    for (auto& row : rows)
                        if (transition.kind == Kind::Activate && row.state == KeyState::Active)
                            row = after(row, {Kind::Retire, row.kid, {}, false}, now);
                    for (auto& row : rows)
                        if (row.kid == transition.kid) row = after(row, transition, now);
                    wish = Wish::None;
                    ++done;
                }
            };
            run(at(10), Wish::Rotate, crashAfter);
            const bool begun = rows.size() == 2;
            run(at(20), Wish::None, 99);
            run(at(4000), Wish::None, 99);
            CPPUNIT_ASSERT_EQUAL(std::string(begun ? "second" : "first"), activeAmong(rows)->kid.str());
            run(at(4000 + 86400), Wish::None, 99);
            CPPUNIT_ASSERT_EQUAL(std::size_t{1}, publishedAmong(rows).size());
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RotationTest);

}  // namespace agentidp::keys
