/// The key ring over fakes of storage, ledger and keys plugins: rotation end to end, crashes, races, faulty plugins.
#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "fakes/fake_clock.h"
#include "fakes/fake_ledger.h"
#include "fakes/fake_storage.h"
#include "fixtures.h"
#include "keys/key_ring.h"
#include "store/signing_keys.h"

namespace agentidp::keys {

using base::Errc;
using base::seconds;
using crypto::Algorithm;
using model::Action;
using model::KeyState;
using tests::FakeKeys;
using tests::NamedKeys;

class KeyRingTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(KeyRingTest);
    CPPUNIT_TEST(makesTheFirstKeyAndSignsWithIt);
    CPPUNIT_TEST(isUnavailableBeforeItHasAKey);
    CPPUNIT_TEST(findsItsKeyAgainAfterARestart);
    CPPUNIT_TEST(rotatesAfterTheJwksMaxAgeAndKeepsTheOldKeyForItsGrace);
    CPPUNIT_TEST(rotatesNow);
    CPPUNIT_TEST(signsWithTheKeyARequestBeganWith);
    CPPUNIT_TEST(retiresACompromisedKeyAtOnce);
    CPPUNIT_TEST(refusesToRetireTheSigningKey);
    CPPUNIT_TEST(tellsEveryStepToTheLedger);
    CPPUNIT_TEST(takesUpAKeyThatACrashLeftUnrecorded);
    CPPUNIT_TEST(resumesAfterEveryLedgerFailure);
    CPPUNIT_TEST(twoReplicasAgreeOnOneFirstKey);
    CPPUNIT_TEST(twoReplicasRotateOnce);
    CPPUNIT_TEST(keepsServingWhenTheLedgerIsDown);
    CPPUNIT_TEST(signsThroughAPluginThatKeepsItsKeys);
    CPPUNIT_TEST(refusesTheSignatureOfAnotherKey);
    CPPUNIT_TEST(refusesASignatureThatDoesNotVerify);
    CPPUNIT_TEST(doesNotActivateAKeyThatCannotSign);
    CPPUNIT_TEST(movesToAnotherPlugin);
    CPPUNIT_TEST(namesTheSettingWhenTheHolderIsMissing);
    CPPUNIT_TEST(refusesAnAlgorithmThePluginDoesNotOffer);
    CPPUNIT_TEST(retiresInThePluginLaterIfItMust);
    CPPUNIT_TEST(servesTheSigningKeyFirst);
    CPPUNIT_TEST(signsWithThePinnedKeyAtOnceWhereThereIsNone);
    CPPUNIT_TEST(letsTheFormerPinSignUntilTheNextIsKnown);
    CPPUNIT_TEST(activatesAtOnceWhenNobodyHasTheFormerPin);
    CPPUNIT_TEST(recordsAPinTogetherWithItsCopy);
    CPPUNIT_TEST(keepsNoCopyOfAPinThatActsNow);
    CPPUNIT_TEST(goesBackToGeneratedKeysWithoutThePin);
    CPPUNIT_TEST(takesAPinnedKeyBack);
    CPPUNIT_TEST(refusesToRotateAPinnedKey);
    CPPUNIT_TEST(replacesACompromisedPinAndRefusesItsReturn);
    CPPUNIT_TEST(refusesAPinnedKidThatIsTaken);
    CPPUNIT_TEST(namesKeysAsTheMintDoes);
    CPPUNIT_TEST(wrapsThePinsCopyAnewForAnotherPlugin);
    CPPUNIT_TEST(rotatesAtStartOnce);
    CPPUNIT_TEST(rotatesByAge);
    CPPUNIT_TEST(readsWhileItRotates);
    CPPUNIT_TEST_SUITE_END();

    tests::FakeClock clock_;
    std::unique_ptr<tests::FakeStorage> storage_;
    std::unique_ptr<tests::FakeLedger> ledger_;
    tests::RememberingLog log_;
    std::unique_ptr<NamedKeys> keys_;
    std::unique_ptr<NamedKeys> previous_;

    static base::BytesView data() { return base::bytesOf("header.payload"); }
    static KeyRing::Settings settings(const std::string& plugin = "file", Algorithm alg = Algorithm::Es256) {
        KeyRing::Settings out;
        out.policy.plugin = plugin;
        out.policy.alg = alg;
        out.verifySample = 1;
        return out;
    }
    std::unique_ptr<KeyRing> ring(KeyRing::Settings with = settings()) {
        return std::make_unique<KeyRing>(KeyRing::Backends{*storage_, *ledger_, *keys_, previous_.get(), clock_, log_}, std::move(with));
    }
    std::vector<model::SigningKey> rows() { return store::readSigningKeys(*storage_, clock_).value(); }
    std::string actions() {
        std::string out;
        for (const auto& event : ledger_->events()) out += std::string(model::nameOf(event.action)) + " ";
        return out;
    }
    static std::string token(const KeyRing& ring) {
        const auto key = ring.activeKey().value();
        auto input = jose::signingInput(jose::headerSegment(key.alg, key.kid, "at+jwt"), R"({"sub":"a"})");
        jose::appendSignature(input, ring.sign(key.kid, base::bytesOf(input)).value());
        return input;
    }

public:
    void setUp() override {
        storage_ = tests::FakeStorage::migrated(clock_);
        ledger_ = std::make_unique<tests::FakeLedger>(*storage_, clock_);
        keys_ = std::make_unique<NamedKeys>("file");
        previous_.reset();
    }

    void makesTheFirstKeyAndSignsWithIt() {
        const auto one = ring();
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        CPPUNIT_ASSERT(one->verify(token(*one)).ok());
        const auto key = one->activeKey().value();
        CPPUNIT_ASSERT(key.local && !key.blocks && key.alg == Algorithm::Es256);
        CPPUNIT_ASSERT(one->trusts(key.kid.str()) && !one->trusts("other"));
        CPPUNIT_ASSERT_EQUAL(key.kid.str(), rows().front().fingerprint);
        // Local signing: the plugin was not asked.
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, keys_->keys.signatures());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, one->tick().value());
    }

    void isUnavailableBeforeItHasAKey() {
        const auto one = ring();
        CPPUNIT_ASSERT(one->activeKey().error().code == Errc::Unavailable);
        CPPUNIT_ASSERT(one->sign(model::KeyId("x"), data()).error().code == Errc::Conflict);
        CPPUNIT_ASSERT(!one->verify("a.b.c").ok());
    }

    void findsItsKeyAgainAfterARestart() {
        std::string before;
        {
            const auto one = ring();
            CPPUNIT_ASSERT(one->ensureFirstKey().ok());
            before = token(*one);
        }
        const auto again = ring();
        CPPUNIT_ASSERT(again->ensureFirstKey().ok());
        CPPUNIT_ASSERT(again->verify(before).ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, rows().size());
        CPPUNIT_ASSERT_EQUAL(1, keys_->generated);
    }

    void rotatesAfterTheJwksMaxAgeAndKeepsTheOldKeyForItsGrace() {
        const auto one = ring();
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        const auto old = one->activeKey().value();
        const std::string oldToken = token(*one);
        const auto etag = one->snapshot()->etag;
        const auto next = one->rotate(Wish::Rotate, "cli:0").value();
        CPPUNIT_ASSERT(next.state == KeyState::Published && next.activatesAt == clock_.now() + seconds(3600));
        CPPUNIT_ASSERT(one->activeKey()->kid == old.kid);
        CPPUNIT_ASSERT(etag != one->snapshot()->etag);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, jose::parseJwks(one->snapshot()->jwks)->size());
        CPPUNIT_ASSERT_EQUAL(next.kid, one->rotate(Wish::Rotate, "cli:0")->kid);
        clock_.advance(seconds(3599));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, one->tick().value());
        clock_.advance(seconds(1));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, one->tick().value());
        CPPUNIT_ASSERT(one->activeKey()->kid == next.kid);
        CPPUNIT_ASSERT(one->verify(token(*one)).ok() && one->verify(oldToken).ok());
        clock_.advance(seconds(86400));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, one->tick().value());
        CPPUNIT_ASSERT(!one->verify(oldToken).ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, jose::parseJwks(one->snapshot()->jwks)->size());
        CPPUNIT_ASSERT(keys_->retired(old.kid.str()));
    }

    void rotatesNow() {
        const auto one = ring();
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        const auto old = one->activeKey().value().kid;
        const auto next = one->rotate(Wish::RotateNow, "cli:0").value();
        CPPUNIT_ASSERT(next.state == KeyState::Active && next.activatedAt == clock_.now());
        CPPUNIT_ASSERT(one->activeKey()->kid == next.kid && next.kid != old);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, rows().size());
        CPPUNIT_ASSERT(one->trusts(old.str()));
    }

    void signsWithTheKeyARequestBeganWith() {
        const auto one = ring();
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        const auto first = one->activeKey().value().kid;
        CPPUNIT_ASSERT(one->rotate(Wish::RotateNow, "cli:0").ok());
        CPPUNIT_ASSERT(one->sign(first, data()).ok());
        CPPUNIT_ASSERT(one->rotate(Wish::RotateNow, "cli:0").ok());
        CPPUNIT_ASSERT(one->sign(first, data()).error().code == Errc::Conflict);
    }

    void retiresACompromisedKeyAtOnce() {
        const auto one = ring();
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        const auto bad = one->activeKey().value().kid;
        const std::string stolen = token(*one);
        CPPUNIT_ASSERT(one->retire(bad, Compromise::Yes, "cli:0").ok());
        CPPUNIT_ASSERT(!one->verify(stolen).ok());
        CPPUNIT_ASSERT(!one->trusts(bad.str()));
        CPPUNIT_ASSERT(one->sign(bad, data()).error().code == Errc::Conflict);
        CPPUNIT_ASSERT(one->verify(token(*one)).ok());
        CPPUNIT_ASSERT(one->snapshot()->jwks.find(bad.str()) == std::string::npos);
        CPPUNIT_ASSERT(keys_->retired(bad.str()));
        CPPUNIT_ASSERT(one->retire(bad, Compromise::Yes, "cli:0").ok());
        const auto events = ledger_->events();
        CPPUNIT_ASSERT(std::any_of(events.begin(), events.end(), [](const auto& event) {
            return event.action == Action::KeyRetired && event.actor == "cli:0" &&
                   event.metadataJson.find("\"compromised\":true") != std::string::npos;
        }));
    }

    void refusesToRetireTheSigningKey() {
        const auto one = ring();
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        CPPUNIT_ASSERT(one->retire(one->activeKey()->kid, Compromise::No, "cli:0").error().code == Errc::Conflict);
        CPPUNIT_ASSERT(one->retire(model::KeyId("other"), Compromise::No, "cli:0").error().code == Errc::NotFound);
        CPPUNIT_ASSERT(one->verify(token(*one)).ok());
    }

    void tellsEveryStepToTheLedger() {
        const auto one = ring();
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        CPPUNIT_ASSERT_EQUAL(std::string("key.published key.activated "), actions());
        CPPUNIT_ASSERT(one->rotate(Wish::Rotate, "cli:7").ok());
        clock_.advance(seconds(3600));
        CPPUNIT_ASSERT(one->tick().ok());
        clock_.advance(seconds(86400));
        CPPUNIT_ASSERT(one->tick().ok());
        CPPUNIT_ASSERT_EQUAL(std::string("key.published key.activated key.published key.retired key.activated key.retired "), actions());
        const auto events = ledger_->events();
        CPPUNIT_ASSERT_EQUAL(std::string("cli:7"), events[2].actor);
        CPPUNIT_ASSERT_EQUAL(std::string("system"), events[4].actor);
        CPPUNIT_ASSERT(events[2].metadataJson.find("\"activatesAt\":\"") != std::string::npos);
        CPPUNIT_ASSERT(events[5].metadataJson.find("\"state\":\"gone\"") != std::string::npos);
    }

    void takesUpAKeyThatACrashLeftUnrecorded() {
        const auto orphan = keys_->keys.generate("ES256", {}).value();
        (void)keys_->keys.generate("EdDSA", {}).value();
        const auto one = ring();
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        CPPUNIT_ASSERT_EQUAL(orphan.fingerprint, one->activeKey()->kid.str());
        CPPUNIT_ASSERT_EQUAL(0, keys_->generated);
    }

    // Whatever step the ledger fails at, whether the step took effect or not, the next start ends in exactly one active key.
    void resumesAfterEveryLedgerFailure() {
        for (int failAt = 0; failAt < 3; ++failAt)
            for (const bool durable : {false, true}) {
                setUp();
                struct Counting final : audit::Ledger {
                    tests::FakeLedger* inner = nullptr;
                    int failAt = 0;
                    bool durable = false;
                    void append(audit::Effect effect, audit::Continuation then) override {
                        if (failAt-- == 0) durable ? inner->loseNextAnswer() : inner->failNext(Errc::Unavailable);
                        inner->append(std::move(effect), std::move(then));
                    }
                };
                Counting counting;
                counting.inner = ledger_.get();
                counting.failAt = failAt;
                counting.durable = durable;
                {
                    KeyRing crashed({*storage_, counting, *keys_, nullptr, clock_, log_}, settings());
                    CPPUNIT_ASSERT(crashed.ensureFirstKey().error().code == Errc::Unavailable);
                }
                const auto again = ring();
                CPPUNIT_ASSERT(again->ensureFirstKey().ok());
                CPPUNIT_ASSERT(again->verify(token(*again)).ok());
                CPPUNIT_ASSERT_EQUAL(std::size_t{1}, rows().size());
                CPPUNIT_ASSERT_EQUAL(1, keys_->generated);
                CPPUNIT_ASSERT_EQUAL(std::string("key.published key.activated "), actions());
            }
    }

    void twoReplicasAgreeOnOneFirstKey() {
        const auto one = ring();
        const auto two = ring();
        std::thread other([&two] { CPPUNIT_ASSERT(two->ensureFirstKey().ok()); });
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        other.join();
        CPPUNIT_ASSERT(one->reload().ok() && two->reload().ok());
        CPPUNIT_ASSERT_EQUAL(one->activeKey()->kid, two->activeKey()->kid);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, rows().size());
        CPPUNIT_ASSERT(two->verify(token(*one)).ok());
    }

    void twoReplicasRotateOnce() {
        const auto one = ring();
        const auto two = ring();
        CPPUNIT_ASSERT(one->ensureFirstKey().ok() && two->ensureFirstKey().ok());
        std::thread other([&two] { CPPUNIT_ASSERT(two->rotate(Wish::Rotate, "cli:2").ok()); });
        CPPUNIT_ASSERT(one->rotate(Wish::Rotate, "cli:1").ok());
        other.join();
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, rows().size());
        clock_.advance(seconds(3600));
        CPPUNIT_ASSERT(one->tick().ok());
        // The other replica has not heard of it yet: its key still verifies everywhere.
        CPPUNIT_ASSERT(one->verify(token(*two)).ok());
        CPPUNIT_ASSERT(two->reload().ok());
        CPPUNIT_ASSERT_EQUAL(one->activeKey()->kid, two->activeKey()->kid);
    }

    void keepsServingWhenTheLedgerIsDown() {
        const auto one = ring();
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        CPPUNIT_ASSERT(one->rotate(Wish::Rotate, "cli:0").ok());
        clock_.advance(seconds(3600));
        ledger_->failNext(Errc::Unavailable);
        CPPUNIT_ASSERT(one->tick().error().code == Errc::Unavailable);
        CPPUNIT_ASSERT(one->verify(token(*one)).ok());
        storage_->setDown(true);
        CPPUNIT_ASSERT(!one->tick().ok());
        CPPUNIT_ASSERT(one->verify(token(*one)).ok());
        storage_->setDown(false);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, one->tick().value());
    }

    void signsThroughAPluginThatKeepsItsKeys() {
        auto abilities = FakeKeys::everything();
        abilities.exportable = false;
        abilities.remote = true;
        keys_ = std::make_unique<NamedKeys>("file", abilities);
        for (const auto alg : {Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ps256}) {
            const auto one = ring(settings("file", alg));
            CPPUNIT_ASSERT(one->ensureFirstKey().ok());
            if (one->activeKey()->alg != alg) CPPUNIT_ASSERT(one->rotate(Wish::RotateNow, "cli:0").ok());
            const auto before = keys_->keys.signatures();
            CPPUNIT_ASSERT(one->verify(token(*one)).ok());
            CPPUNIT_ASSERT_EQUAL(before + 1, keys_->keys.signatures());
            CPPUNIT_ASSERT(!one->activeKey()->local && one->activeKey()->blocks && one->activeKey()->alg == alg);
        }
    }

    void refusesTheSignatureOfAnotherKey() {
        auto abilities = FakeKeys::everything();
        abilities.exportable = false;
        keys_ = std::make_unique<NamedKeys>("file", abilities);
        const auto one = ring();
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        CPPUNIT_ASSERT(one->rotate(Wish::Rotate, "cli:0").ok());
        keys_->keys.breakWith(FakeKeys::Fault::WrongKey);
        const auto refused = one->sign(one->activeKey()->kid, data());
        CPPUNIT_ASSERT(refused.error().code == Errc::Unavailable && refused.error().detail.empty());
        CPPUNIT_ASSERT_EQUAL(1L, log_.count(observe::Message::KEY_SIGNING_FAILED));
        keys_->keys.breakWith(FakeKeys::Fault::None);
        CPPUNIT_ASSERT(one->sign(one->activeKey()->kid, data()).ok());
    }

    void refusesASignatureThatDoesNotVerify() {
        auto abilities = FakeKeys::everything();
        abilities.exportable = false;
        keys_ = std::make_unique<NamedKeys>("file", abilities);
        auto rarely = settings();
        rarely.verifySample = 1'000'000;
        const auto one = ring(rarely);
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        for (const auto fault : {FakeKeys::Fault::BadSignature, FakeKeys::Fault::HungSign, FakeKeys::Fault::Unavailable}) {
            keys_->keys.breakWith(fault);
            CPPUNIT_ASSERT(one->sign(one->activeKey()->kid, data()).error().code == Errc::Unavailable);
        }
    }

    void doesNotActivateAKeyThatCannotSign() {
        auto abilities = FakeKeys::everything();
        abilities.exportable = false;
        keys_ = std::make_unique<NamedKeys>("file", abilities);
        keys_->keys.breakWith(FakeKeys::Fault::BadSignature);
        const auto first = ring();
        CPPUNIT_ASSERT(!first->ensureFirstKey().ok());
        CPPUNIT_ASSERT(first->activeKey().error().code == Errc::Unavailable);
        keys_->keys.breakWith(FakeKeys::Fault::None);
        CPPUNIT_ASSERT(first->ensureFirstKey().ok());
        const auto old = first->activeKey()->kid;
        CPPUNIT_ASSERT(first->rotate(Wish::Rotate, "cli:0").ok());
        clock_.advance(seconds(3600));
        keys_->keys.breakWith(FakeKeys::Fault::BadSignature);
        CPPUNIT_ASSERT(!first->tick().ok());
        keys_->keys.breakWith(FakeKeys::Fault::None);
        CPPUNIT_ASSERT_EQUAL(old, first->activeKey()->kid);
        CPPUNIT_ASSERT(first->tick().ok());
        CPPUNIT_ASSERT(first->activeKey()->kid != old);
    }

    void movesToAnotherPlugin() {
        std::string oldToken;
        {
            const auto one = ring();
            CPPUNIT_ASSERT(one->ensureFirstKey().ok());
            oldToken = token(*one);
        }
        previous_ = std::move(keys_);
        keys_ = std::make_unique<NamedKeys>("vault");
        const auto one = ring(settings("vault"));
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        CPPUNIT_ASSERT(one->verify(oldToken).ok());
        CPPUNIT_ASSERT(one->verify(token(*one)).ok());
        CPPUNIT_ASSERT(isNeeded(one->list().value(), "file"));
        clock_.advance(seconds(3600));
        CPPUNIT_ASSERT(one->tick().ok());
        CPPUNIT_ASSERT(!isNeeded(one->list().value(), "file"));
        // Now keys.previous can go: what it signed still verifies for its grace.
        previous_.reset();
        const auto later = ring(settings("vault"));
        CPPUNIT_ASSERT(later->ensureFirstKey().ok());
        CPPUNIT_ASSERT(later->verify(oldToken).ok());
        clock_.advance(seconds(86400));
        CPPUNIT_ASSERT(later->tick().ok());
        CPPUNIT_ASSERT(!later->verify(oldToken).ok());
    }

    void namesTheSettingWhenTheHolderIsMissing() {
        CPPUNIT_ASSERT(ring()->ensureFirstKey().ok());
        keys_ = std::make_unique<NamedKeys>("vault");
        const auto refused = ring(settings("vault"))->ensureFirstKey();
        CPPUNIT_ASSERT(!refused.ok());
        CPPUNIT_ASSERT(refused.error().hint.find("keys.previous = file") != std::string::npos);
    }

    void refusesAnAlgorithmThePluginDoesNotOffer() {
        keys_ = std::make_unique<NamedKeys>("file", plugin::KeysAbilities{{"RS256"}, true, true, false});
        const auto refused = ring()->ensureFirstKey();
        CPPUNIT_ASSERT(refused.error().code == Errc::Unsupported);
        CPPUNIT_ASSERT(refused.error().hint.find("token.alg") != std::string::npos);
    }

    void retiresInThePluginLaterIfItMust() {
        {
            const auto one = ring();
            CPPUNIT_ASSERT(one->ensureFirstKey().ok());
            keys_->refuseRetire = true;
            CPPUNIT_ASSERT(one->retire(one->activeKey()->kid, Compromise::Yes, "cli:0").ok());
            CPPUNIT_ASSERT_EQUAL(1L, log_.count(observe::Message::KEY_NOT_RETIRED_IN_PLUGIN));
        }
        keys_->refuseRetire = false;
        // Two keys of one moment have no order: the gone one is looked for.
        const auto isGone = [](const auto& row) { return row.state == KeyState::Gone; };
        const auto all = rows();
        const auto gone = std::find_if(all.begin(), all.end(), isGone);
        CPPUNIT_ASSERT(gone != all.end());
        CPPUNIT_ASSERT(!keys_->retired(gone->fingerprint));
        CPPUNIT_ASSERT(ring()->ensureFirstKey().ok());
        CPPUNIT_ASSERT(keys_->retired(gone->fingerprint));
    }

    void servesTheSigningKeyFirst() {
        const auto one = ring();
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        for (int i = 0; i < 3; ++i) {
            CPPUNIT_ASSERT(one->rotate(Wish::RotateNow, "cli:0").ok());
            clock_.advance(seconds(1));
        }
        CPPUNIT_ASSERT(one->rotate(Wish::Rotate, "cli:0").ok());
        const auto served = jose::parseJwks(one->snapshot()->jwks).value();
        CPPUNIT_ASSERT_EQUAL(std::size_t{5}, served.size());
        CPPUNIT_ASSERT_EQUAL(one->activeKey()->kid, served.front().kid);
        CPPUNIT_ASSERT_EQUAL('"', one->snapshot()->etag.front());
        const auto before = one->snapshot();
        CPPUNIT_ASSERT(one->reload().ok());
        CPPUNIT_ASSERT(before == one->snapshot());
    }

    static PinnedKey pinnedKey(std::string kid = {}) {
        auto key = crypto::PrivateKey::generate(Algorithm::Es256).value();
        auto fingerprint = jose::thumbprint(key.publicKey());
        return {Algorithm::Es256, std::move(key), std::move(fingerprint), std::move(kid), "JWT_PRIVATE_KEY"};
    }
    static KeyRing::Settings pinning(const PinnedKey& key, Pin::Activation activation = Pin::Activation::Wait) {
        auto out = settings();
        out.pinned = key;
        out.pinActivation = activation;
        return out;
    }
    model::SigningKey row(const std::string& kid) {
        for (auto& row : rows())
            if (row.kid.str() == kid) return row;
        CPPUNIT_FAIL("no row " + kid);
        return {};
    }

    void signsWithThePinnedKeyAtOnceWhereThereIsNone() {
        const auto pin = pinnedKey();
        const auto one = ring(pinning(pin));
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        const auto key = one->activeKey().value();
        CPPUNIT_ASSERT_EQUAL(pin.fingerprint, key.kid.str());
        CPPUNIT_ASSERT(key.source == KeySource::Env && key.local);
        CPPUNIT_ASSERT(one->verify(token(*one)).ok());
        CPPUNIT_ASSERT_EQUAL(0, keys_->generated);
        CPPUNIT_ASSERT_EQUAL(std::string(kPinnedHolder), row(pin.fingerprint).plugin);
        CPPUNIT_ASSERT(row(pin.fingerprint).publicJwk.find("\"d\"") == std::string::npos);
        clock_.advance(std::chrono::days(400));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, one->tick().value());
        CPPUNIT_ASSERT(ring(pinning(pin))->ensureFirstKey().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, rows().size());
    }

    void letsTheFormerPinSignUntilTheNextIsKnown() {
        const auto first = pinnedKey();
        const auto second = pinnedKey();
        std::string before;
        {
            const auto one = ring(pinning(first));
            CPPUNIT_ASSERT(one->ensureFirstKey().ok());
            before = token(*one);
        }
        // The process that knew the first key is gone; its copy is wrapped by the keys plugin.
        CPPUNIT_ASSERT(row(first.fingerprint).wrapped.has_value());
        const auto two = ring(pinning(second));
        CPPUNIT_ASSERT(two->ensureFirstKey().ok());
        CPPUNIT_ASSERT_EQUAL(first.fingerprint, two->activeKey()->kid.str());
        CPPUNIT_ASSERT(two->trusts(second.fingerprint));
        CPPUNIT_ASSERT(two->verify(token(*two)).ok() && two->verify(before).ok());
        clock_.advance(seconds(3600));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, two->tick().value());
        CPPUNIT_ASSERT_EQUAL(second.fingerprint, two->activeKey()->kid.str());
        CPPUNIT_ASSERT(two->verify(before).ok());
        CPPUNIT_ASSERT(!row(first.fingerprint).wrapped.has_value());
        clock_.advance(seconds(86400));
        CPPUNIT_ASSERT(two->tick().ok());
        CPPUNIT_ASSERT(!two->verify(before).ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, jose::parseJwks(two->snapshot()->jwks)->size());
    }

    void activatesAtOnceWhenNobodyHasTheFormerPin() {
        const auto first = pinnedKey();
        const auto second = pinnedKey();
        CPPUNIT_ASSERT(ring(pinning(first, Pin::Activation::Now))->ensureFirstKey().ok());
        const auto two = ring(pinning(second));
        CPPUNIT_ASSERT(two->ensureFirstKey().ok());
        CPPUNIT_ASSERT_EQUAL(1L, log_.count(observe::Message::KEY_LOST));
        CPPUNIT_ASSERT_EQUAL(second.fingerprint, two->activeKey()->kid.str());
        CPPUNIT_ASSERT(two->trusts(first.fingerprint));
        // The same without a pin: a generated key steps in.
        CPPUNIT_ASSERT(ring(pinning(second, Pin::Activation::Now))->ensureFirstKey().ok());
        const auto three = ring();
        CPPUNIT_ASSERT(three->ensureFirstKey().ok());
        CPPUNIT_ASSERT(three->activeKey()->source == KeySource::Generated);
        CPPUNIT_ASSERT(three->trusts(second.fingerprint));
    }

    void recordsAPinTogetherWithItsCopy() {
        const auto pin = pinnedKey();
        // The first answer of the ledger is lost: the row is all that this start left.
        ledger_->loseNextAnswer();
        CPPUNIT_ASSERT(!ring(pinning(pin))->ensureFirstKey().ok());
        CPPUNIT_ASSERT(row(pin.fingerprint).state == KeyState::Pending && row(pin.fingerprint).wrapped.has_value());
        // Nor does a plugin that cannot wrap keep a pin from signing.
        auto abilities = FakeKeys::everything();
        abilities.wraps = false;
        setUp();
        keys_ = std::make_unique<NamedKeys>("file", abilities);
        CPPUNIT_ASSERT(ring(pinning(pin))->ensureFirstKey().ok());
        CPPUNIT_ASSERT(!row(pin.fingerprint).wrapped.has_value());
    }

    void keepsNoCopyOfAPinThatActsNow() {
        const auto pin = pinnedKey();
        CPPUNIT_ASSERT(ring(pinning(pin))->ensureFirstKey().ok());
        CPPUNIT_ASSERT(row(pin.fingerprint).wrapped.has_value());
        const auto one = ring(pinning(pin, Pin::Activation::Now));
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        CPPUNIT_ASSERT(!row(pin.fingerprint).wrapped.has_value());
        const auto next = pinnedKey();
        CPPUNIT_ASSERT(one->configure(pinning(next, Pin::Activation::Now)).ok());
        CPPUNIT_ASSERT(one->tick().ok());
        CPPUNIT_ASSERT_EQUAL(next.fingerprint, one->activeKey()->kid.str());
        CPPUNIT_ASSERT(one->trusts(pin.fingerprint));
    }

    void goesBackToGeneratedKeysWithoutThePin() {
        const auto pin = pinnedKey();
        CPPUNIT_ASSERT(ring(pinning(pin))->ensureFirstKey().ok());
        const auto one = ring();
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        CPPUNIT_ASSERT_EQUAL(pin.fingerprint, one->activeKey()->kid.str());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, jose::parseJwks(one->snapshot()->jwks)->size());
        const auto before = token(*one);
        clock_.advance(seconds(3600));
        CPPUNIT_ASSERT(one->tick().ok());
        CPPUNIT_ASSERT(one->activeKey()->source == KeySource::Generated);
        CPPUNIT_ASSERT(one->verify(before).ok());
    }

    void takesAPinnedKeyBack() {
        const auto first = pinnedKey();
        const auto second = pinnedKey();
        const auto one = ring(pinning(first));
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        CPPUNIT_ASSERT(one->configure(pinning(second)).ok());
        CPPUNIT_ASSERT(one->tick().ok());
        // Taken back before it signed: the second leaves when its time would have come, and the first signs on.
        CPPUNIT_ASSERT(one->configure(pinning(first)).ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, one->tick().value());
        clock_.advance(seconds(3600));
        CPPUNIT_ASSERT(one->tick().ok());
        CPPUNIT_ASSERT(!one->trusts(second.fingerprint));
        CPPUNIT_ASSERT_EQUAL(first.fingerprint, one->activeKey()->kid.str());
        // And taken back after it signed.
        CPPUNIT_ASSERT(one->configure(pinning(second)).ok());
        CPPUNIT_ASSERT(one->tick().ok());
        clock_.advance(seconds(3600));
        CPPUNIT_ASSERT(one->tick().ok());
        CPPUNIT_ASSERT_EQUAL(second.fingerprint, one->activeKey()->kid.str());
        CPPUNIT_ASSERT(one->configure(pinning(first)).ok());
        CPPUNIT_ASSERT(one->tick().ok());
        CPPUNIT_ASSERT_EQUAL(first.fingerprint, one->activeKey()->kid.str());
        CPPUNIT_ASSERT(row(first.fingerprint).wrapped.has_value());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, rows().size());
    }

    void refusesToRotateAPinnedKey() {
        const auto pin = pinnedKey();
        const auto one = ring(pinning(pin));
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        for (const auto wish : {Wish::Rotate, Wish::RotateNow}) {
            const auto refused = one->rotate(wish, "cli:0");
            CPPUNIT_ASSERT(refused.error().code == Errc::Conflict);
            CPPUNIT_ASSERT(refused.error().hint.find("JWT_PRIVATE_KEY") != std::string::npos);
        }
        CPPUNIT_ASSERT(one->retire(model::KeyId(pin.fingerprint), Compromise::No, "cli:0").error().code == Errc::Conflict);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, rows().size());
    }

    void replacesACompromisedPinAndRefusesItsReturn() {
        const auto pin = pinnedKey();
        const auto one = ring(pinning(pin));
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        const auto stolen = token(*one);
        CPPUNIT_ASSERT(one->retire(model::KeyId(pin.fingerprint), Compromise::Yes, "cli:0").ok());
        CPPUNIT_ASSERT(!one->verify(stolen).ok());
        CPPUNIT_ASSERT(one->activeKey()->source == KeySource::Generated);
        CPPUNIT_ASSERT(one->verify(token(*one)).ok());
        CPPUNIT_ASSERT(!row(pin.fingerprint).wrapped.has_value());
        // From here on it is generated keys that rotate.
        CPPUNIT_ASSERT(one->rotate(Wish::RotateNow, "cli:0").ok());
        const auto refused = ring(pinning(pin))->ensureFirstKey();
        CPPUNIT_ASSERT(refused.error().code == Errc::Invalid);
        CPPUNIT_ASSERT(refused.error().hint.find("JWT_PRIVATE_KEY: this key") != std::string::npos);
        CPPUNIT_ASSERT(ring(pinning(pinnedKey()))->ensureFirstKey().ok());
    }

    void refusesAPinnedKidThatIsTaken() {
        CPPUNIT_ASSERT(ring(pinning(pinnedKey("main")))->ensureFirstKey().ok());
        const auto refused = ring(pinning(pinnedKey("main")))->ensureFirstKey();
        CPPUNIT_ASSERT(refused.error().code == Errc::Invalid);
        CPPUNIT_ASSERT(refused.error().hint.find("its kid main") != std::string::npos);
        // A reload is refused as a whole, and what was goes on.
        const auto one = ring();
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        CPPUNIT_ASSERT(one->configure(pinning(pinnedKey("main"))).error().code == Errc::Invalid);
        CPPUNIT_ASSERT(one->tick().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, rows().size());
    }

    void namesKeysAsTheMintDoes() {
        auto mint = settings();
        mint.generatedKids = "dev-key-";
        mint.pinnedKids = "key-";
        const auto one = ring(mint);
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        CPPUNIT_ASSERT_EQUAL(std::string("dev-key-1"), one->activeKey()->kid.str());
        CPPUNIT_ASSERT(one->snapshot()->jwks.find("\"kid\":\"dev-key-1\"") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::string("dev-key-2"), one->rotate(Wish::RotateNow, "cli:0")->kid.str());
        CPPUNIT_ASSERT(one->verify(token(*one)).ok());
        for (const auto* kid : {"key-1", "key-2"}) {
            auto pinned = mint;
            pinned.pinned = pinnedKey();
            pinned.pinActivation = Pin::Activation::Now;
            CPPUNIT_ASSERT(one->configure(pinned).ok());
            CPPUNIT_ASSERT(one->tick().ok());
            CPPUNIT_ASSERT_EQUAL(std::string(kid), one->activeKey()->kid.str());
        }
        auto named = mint;
        named.pinned = pinnedKey("own");
        named.pinActivation = Pin::Activation::Now;
        CPPUNIT_ASSERT(one->configure(named).ok());
        CPPUNIT_ASSERT(one->tick().ok());
        CPPUNIT_ASSERT_EQUAL(std::string("own"), one->activeKey()->kid.str());
        CPPUNIT_ASSERT(one->verify(token(*one)).ok());
    }

    void wrapsThePinsCopyAnewForAnotherPlugin() {
        const auto pin = pinnedKey();
        CPPUNIT_ASSERT(ring(pinning(pin))->ensureFirstKey().ok());
        const auto before = row(pin.fingerprint).wrapped;
        previous_ = std::move(keys_);
        keys_ = std::make_unique<NamedKeys>("demo");
        // The pin goes at the same time: only the old plugin can open the copy, and it is moved.
        {
            const auto one = ring(settings("demo"));
            CPPUNIT_ASSERT(one->ensureFirstKey().ok());
            CPPUNIT_ASSERT_EQUAL(pin.fingerprint, one->activeKey()->kid.str());
            CPPUNIT_ASSERT(row(pin.fingerprint).wrapped != before);
        }
        previous_.reset();
        const auto two = ring(settings("demo"));
        CPPUNIT_ASSERT(two->ensureFirstKey().ok());
        CPPUNIT_ASSERT_EQUAL(pin.fingerprint, two->activeKey()->kid.str());
    }

    void rotatesAtStartOnce() {
        const auto one = ring();
        const auto two = ring();
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        CPPUNIT_ASSERT_EQUAL(one->activeKey()->kid, one->rotate(Wish::RotateUnlessFresh, "system")->kid);
        clock_.advance(seconds(3600));
        CPPUNIT_ASSERT(two->ensureFirstKey().ok());
        std::thread other([&two] { CPPUNIT_ASSERT(two->rotate(Wish::RotateUnlessFresh, "system").ok()); });
        CPPUNIT_ASSERT(one->rotate(Wish::RotateUnlessFresh, "system")->state == KeyState::Published);
        other.join();
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, rows().size());
        clock_.advance(seconds(3599));
        CPPUNIT_ASSERT(two->rotate(Wish::RotateUnlessFresh, "system").ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, rows().size());
    }

    void rotatesByAge() {
        auto aging = settings();
        aging.policy.rotateAfter = std::chrono::days(90);
        const auto one = ring(aging);
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        const auto first = one->activeKey()->kid;
        clock_.advance(std::chrono::days(90) - seconds(1));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, one->tick().value());
        clock_.advance(seconds(1));
        CPPUNIT_ASSERT(one->tick().value() > 0);
        CPPUNIT_ASSERT(one->activeKey()->kid == first);
        clock_.advance(seconds(3600));
        CPPUNIT_ASSERT(one->tick().ok());
        CPPUNIT_ASSERT(one->activeKey()->kid != first && one->trusts(first.str()));
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, rows().size());
    }

    void readsWhileItRotates() {
        const auto one = ring();
        CPPUNIT_ASSERT(one->ensureFirstKey().ok());
        std::atomic<bool> stop{false};
        std::atomic<int> wrong{0};
        std::atomic<int> rounds{0};
        std::vector<std::thread> readers;
        for (int i = 0; i < 3; ++i)
            readers.emplace_back([&] {
                while (!stop) {
                    const auto key = one->activeKey().value();
                    // Two rotations may pass between the two lines: then the ring says so.
                    const auto signature = one->sign(key.kid, data());
                    if (!signature && signature.error().code != Errc::Conflict) ++wrong;
                    if (signature && !one->snapshot()->find(key.kid.str())->key.verify(key.alg, data(), *signature)) ++wrong;
                    ++rounds;
                }
            });
        for (int i = 0; i < 10; ++i) {
            CPPUNIT_ASSERT(one->rotate(Wish::RotateNow, "cli:0").ok());
            clock_.advance(seconds(1));
        }
        while (rounds < 10) std::this_thread::yield();
        stop = true;
        for (auto& reader : readers) reader.join();
        CPPUNIT_ASSERT_EQUAL(0, wrong.load());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(KeyRingTest);

}  // namespace agentidp::keys
