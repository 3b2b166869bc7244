/// Data keys: made once, kept wrapped, moved to another plugin, refused where they do not open.
#include <cppunit/extensions/HelperMacros.h>

#include <thread>

#include "fakes/fake_clock.h"
#include "fakes/fake_storage.h"
#include "fixtures.h"
#include "keys/data_keys.h"
#include "store/data_keys.h"

namespace agentidp::keys {

using base::Errc;
using tests::FakeKeys;
using tests::NamedKeys;

class DataKeysTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DataKeysTest);
    CPPUNIT_TEST(makesEveryKeyOnce);
    CPPUNIT_TEST(answersTheSameAfterARestart);
    CPPUNIT_TEST(keepsOnlyWrappedKeysInStorage);
    CPPUNIT_TEST(twoReplicasAgree);
    CPPUNIT_TEST(usesTheNewestPepperAndKnowsTheOlder);
    CPPUNIT_TEST(movesToAnotherPlugin);
    CPPUNIT_TEST(namesTheSettingsWhenTheWrapperIsMissing);
    CPPUNIT_TEST(refusesAnotherWrappingKey);
    CPPUNIT_TEST(refusesRowsThatWereSwapped);
    CPPUNIT_TEST(changesNothingWhereItOnlyLooks);
    CPPUNIT_TEST(refusesAPluginThatDoesNotWrap);
    CPPUNIT_TEST(signsCheckpoints);
    CPPUNIT_TEST(failsWhereABackendIsDown);
    CPPUNIT_TEST_SUITE_END();

    tests::FakeClock clock_;
    std::unique_ptr<tests::FakeStorage> storage_;
    std::unique_ptr<NamedKeys> keys_;

    base::Result<std::unique_ptr<const DataKeys>> open(plugin::Keys* previous = nullptr) {
        return DataKeys::open({*storage_, *keys_, previous, clock_});
    }
    std::vector<store::DataKeyRow> rows() { return store::readDataKeys(*storage_, clock_).value(); }
    void apply(plugin::Op op) {
        plugin::Transaction tx;
        CPPUNIT_ASSERT(
            storage_->apply(tx, {std::move(op)}, plugin::ApplyMode::Commit, plugin::callWithin(clock_, base::milliseconds(1000))).ok());
    }
    static crypto::Digest256 macOf(const DataKeys& keys) {
        return keys.peppers().mac(keys.peppers().currentId(), base::bytesOf("sk_live_x")).value();
    }

public:
    void setUp() override {
        storage_ = tests::FakeStorage::migrated(clock_);
        keys_ = std::make_unique<NamedKeys>("file");
    }

    void makesEveryKeyOnce() {
        CPPUNIT_ASSERT(open().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, rows().size());
        CPPUNIT_ASSERT(open().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, rows().size());
    }

    void changesNothingWhereItOnlyLooks() {
        NamedKeys demo("demo");
        CPPUNIT_ASSERT(DataKeys::open({*storage_, demo, nullptr, clock_, DataKeys::Access::Look}).error().code == Errc::NotFound);
        CPPUNIT_ASSERT(rows().empty());
        const auto before = open().value();
        const auto looked = DataKeys::open({*storage_, demo, keys_.get(), clock_, DataKeys::Access::Look}).value();
        CPPUNIT_ASSERT(macOf(*before) == macOf(*looked));
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, looked->moved());
        for (const auto& row : rows()) CPPUNIT_ASSERT_EQUAL(std::string("file"), row.plugin);
    }

    void answersTheSameAfterARestart() {
        const auto one = open().value();
        const auto again = open().value();
        CPPUNIT_ASSERT(macOf(*one) == macOf(*again));
        CPPUNIT_ASSERT(one->cursorKey().mac(base::bytesOf("c")) == again->cursorKey().mac(base::bytesOf("c")));
        CPPUNIT_ASSERT(one->checkpoint().publicKey() == again->checkpoint().publicKey());
        const auto sealed = one->columns().seal(base::bytesOf("secret"), "t:r").value();
        CPPUNIT_ASSERT_EQUAL(std::string("secret"), std::string(again->columns().open(sealed, "t:r")->text()));
        // Four purposes, four keys.
        CPPUNIT_ASSERT(one->cursorKey().mac(base::bytesOf("sk_live_x")) != macOf(*one));
    }

    void keepsOnlyWrappedKeysInStorage() {
        CPPUNIT_ASSERT(open().ok());
        for (const auto& row : rows()) {
            CPPUNIT_ASSERT(row.wrapped.size() > 32);
            CPPUNIT_ASSERT(!keys_->unwrap(row.wrapped, "elsewhere:" + row.id, {}).ok());
            CPPUNIT_ASSERT_EQUAL(std::size_t{32}, keys_->unwrap(row.wrapped, row.purpose + ":" + row.id, {})->view().size());
        }
    }

    void twoReplicasAgree() {
        base::Result<std::unique_ptr<const DataKeys>> theirs = base::fail(Errc::Internal, "");
        std::thread other([&] { theirs = DataKeys::open({*storage_, *keys_, nullptr, clock_}); });
        const auto ours = open();
        other.join();
        CPPUNIT_ASSERT(ours.ok() && theirs.ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, rows().size());
        CPPUNIT_ASSERT(macOf(**ours) == macOf(**theirs));
        CPPUNIT_ASSERT((*ours)->checkpoint().publicKey() == (*theirs)->checkpoint().publicKey());
    }

    void usesTheNewestPepperAndKnowsTheOlder() {
        const auto one = open().value();
        const std::string older = one->peppers().currentId();
        clock_.advance(base::seconds(1));
        store::DataKeyRow row;
        row.id = "11111111-1111-4111-8111-111111111111";
        row.purpose = "pepper";
        row.plugin = "file";
        row.status = "active";
        row.createdAt = clock_.now();
        row.wrapped = keys_->wrap(base::Secret(base::Bytes(32, 5)), "pepper:" + row.id, {}).value();
        apply(store::insertDataKey(row));
        const auto two = open().value();
        CPPUNIT_ASSERT_EQUAL(row.id, two->peppers().currentId());
        CPPUNIT_ASSERT(two->peppers().mac(older, base::bytesOf("sk_live_x")).value() == macOf(*one));
        CPPUNIT_ASSERT(crypto::HmacSha256(base::Bytes(32, 5)).mac(base::bytesOf("sk_live_x")) == macOf(*two));
        CPPUNIT_ASSERT(two->peppers().mac("unknown", base::bytesOf("x")).error().code == Errc::NotFound);
    }

    void movesToAnotherPlugin() {
        const auto before = macOf(*open().value());
        auto previous = std::move(keys_);
        keys_ = std::make_unique<NamedKeys>("vault");
        const auto moved = open(previous.get()).value();
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, moved->moved());
        CPPUNIT_ASSERT(before == macOf(*moved));
        for (const auto& row : rows()) CPPUNIT_ASSERT_EQUAL(std::string("vault"), row.plugin);
        const auto alone = open().value();
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, alone->moved());
        CPPUNIT_ASSERT(before == macOf(*alone));
    }

    void namesTheSettingsWhenTheWrapperIsMissing() {
        CPPUNIT_ASSERT(open().ok());
        keys_ = std::make_unique<NamedKeys>("vault");
        const auto refused = open();
        CPPUNIT_ASSERT(!refused.ok());
        CPPUNIT_ASSERT(refused.error().hint.find("keys.plugin = file") != std::string::npos);
        CPPUNIT_ASSERT(refused.error().hint.find("keys.previous = file") != std::string::npos);
    }

    void refusesAnotherWrappingKey() {
        CPPUNIT_ASSERT(open().ok());
        keys_ = std::make_unique<NamedKeys>("file");
        const auto refused = open();
        CPPUNIT_ASSERT(!refused.ok());
        CPPUNIT_ASSERT(refused.error().hint.find("keys.plugin") != std::string::npos);
    }

    void refusesRowsThatWereSwapped() {
        CPPUNIT_ASSERT(open().ok());
        auto all = rows();
        std::swap(all[0].wrapped, all[1].wrapped);
        for (const auto& row : {all[0], all[1]}) apply(store::rewrapDataKey(row, "file"));
        CPPUNIT_ASSERT(!open().ok());
    }

    void refusesAPluginThatDoesNotWrap() {
        auto abilities = FakeKeys::everything();
        abilities.wraps = false;
        keys_ = std::make_unique<NamedKeys>("file", abilities);
        CPPUNIT_ASSERT(open().error().code == Errc::Unsupported);
    }

    void signsCheckpoints() {
        const auto one = open().value();
        const auto note = base::bytesOf("origin\n1\nroot\n");
        const auto signature = one->checkpoint().sign(note).value();
        CPPUNIT_ASSERT_EQUAL(std::size_t{64}, signature.size());
        CPPUNIT_ASSERT(one->checkpoint().publicKey().verify(crypto::Algorithm::EdDsa, note, signature));
        CPPUNIT_ASSERT(!one->checkpoint().id().empty());
    }

    void failsWhereABackendIsDown() {
        keys_->keys.breakWith(FakeKeys::Fault::Unavailable);
        CPPUNIT_ASSERT(open().error().code == Errc::Unavailable);
        CPPUNIT_ASSERT(rows().empty());
        keys_->keys.breakWith(FakeKeys::Fault::None);
        storage_->setDown(true);
        CPPUNIT_ASSERT(open().error().code == Errc::Unavailable);
        storage_->setDown(false);
        storage_->failNextCommit(Errc::Unavailable);
        CPPUNIT_ASSERT(!open().ok());
        CPPUNIT_ASSERT(open().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, rows().size());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DataKeysTest);

}  // namespace agentidp::keys
