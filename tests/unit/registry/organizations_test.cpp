#include "registry_house.h"

namespace agentidp::registry {

using House = tests::RegistryHouse;

class OrganizationsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(OrganizationsTest);
    CPPUNIT_TEST(makesAnOrganization);
    CPPUNIT_TEST(needsAdminOrgs);
    CPPUNIT_TEST(makesSlugsFromNames);
    CPPUNIT_TEST(namesEveryFault);
    CPPUNIT_TEST(keepsSystemForInit);
    CPPUNIT_TEST(changesWhatIsNamed);
    CPPUNIT_TEST(row62ShowsAnOrganizationOnlyItself);
    CPPUNIT_TEST(suspendsOnDelete);
    CPPUNIT_TEST(listsInPages);
    CPPUNIT_TEST_SUITE_END();

    House house;

    Ruling read(const model::Caller& caller, const std::string& id) {
        return house.as(caller, [&](const Asker& asker) { return house.organizations.read(asker, id); });
    }
    Ruling remove(const model::Caller& caller, const std::string& id) {
        return house.as(caller, [&](const Asker& asker) { return house.organizations.remove(asker, id); });
    }
    Ruling list(const model::Caller& caller, const Query& query) {
        return house.as(caller, [&](const Asker& asker) { return house.organizations.list(asker, query); });
    }

public:
    void makesAnOrganization() {
        const auto ruling = house.createOrganization(
            house.operatorOfPlatform, R"({"name":"Acme, Inc.","plan":"pro","limits":{"tokensPerMonth":5,"requestsPerMinute":7}})");
        const auto& answer = House::answer(ruling);
        const auto id = House::body(ruling).textOr("organizationId", "");
        CPPUNIT_ASSERT_EQUAL(201, answer.status);
        CPPUNIT_ASSERT_EQUAL("/api/v1/organizations/" + id, House::header(answer, "Location"));
        CPPUNIT_ASSERT_EQUAL(
            R"({"organizationId":")" + id +
                R"(","name":"Acme, Inc.","slug":"acme-inc","plan":"pro","limits":{"tokensPerMonth":5,"requestsPerMinute":7},"status":"active"})",
            answer.body);
        CPPUNIT_ASSERT(house.registry.events.back().action == model::Action::OrganizationCreated);
        CPPUNIT_ASSERT(house.registry.organizations.contains(id));
    }

    void needsAdminOrgs() {
        const auto other = House::organizationId(3);
        for (const auto& ruling :
             {house.createOrganization(house.adminA, R"({"name":"x"})"), house.updateOrganization(house.adminA, other, R"({"name":"x"})"),
              house.updateOrganization(house.adminA, House::organizationId(2), R"({"plan":"enterprise"})"), remove(house.adminA, other)}) {
            CPPUNIT_ASSERT_EQUAL(std::string("INSUFFICIENT_SCOPE"), House::codeOf(ruling));
            CPPUNIT_ASSERT(ruling.mutation.empty());
        }
    }

    void makesSlugsFromNames() {
        const auto slug = [&](const std::string& name) {
            return House::body(house.createOrganization(house.operatorOfPlatform, R"({"name":")" + name + "\"}")).textOr("slug", "");
        };
        CPPUNIT_ASSERT_EQUAL(std::string("a-b-c9"), slug("A  b -- C9!"));
        CPPUNIT_ASSERT_EQUAL(std::string(63, 'x'), slug(std::string(90, 'x')));
        CPPUNIT_ASSERT_EQUAL(std::string("/slug "),
                             House::pointersOf(house.createOrganization(house.operatorOfPlatform, "{\"name\":\"\xE6\x97\xA5\"}")));
    }

    void namesEveryFault() {
        const auto ruling = house.createOrganization(
            house.operatorOfPlatform,
            R"({"slug":"Bad Slug","plan":"a b","limits":{"tokensPerMonth":-1,"x":1},"status":"active","organizationId":"x"})");
        CPPUNIT_ASSERT_EQUAL(std::string("/name /slug /plan /limits/tokensPerMonth /limits/x /status /organizationId "),
                             House::pointersOf(ruling));
        for (const auto* slug : {"-a", "a-", "", "A", "a_b", "a.b"})
            CPPUNIT_ASSERT_EQUAL(std::string("/slug "),
                                 House::pointersOf(house.createOrganization(house.operatorOfPlatform,
                                                                            R"({"name":"x","slug":")" + std::string(slug) + "\"}")));
        CPPUNIT_ASSERT(!house.createOrganization(house.operatorOfPlatform, R"({"name":"x","limits":[]})").ok());
    }

    void keepsSystemForInit() {
        CPPUNIT_ASSERT_EQUAL(std::string("CONFLICT"),
                             House::codeOf(house.createOrganization(house.operatorOfPlatform, R"({"name":"System"})")));
        const auto id = House::organizationId(1);
        CPPUNIT_ASSERT_EQUAL(std::string("CONFLICT"),
                             House::codeOf(house.updateOrganization(house.operatorOfPlatform, id, R"({"status":"suspended"})")));
        CPPUNIT_ASSERT_EQUAL(std::string("CONFLICT"), House::codeOf(remove(house.operatorOfPlatform, id)));
        CPPUNIT_ASSERT(house.updateOrganization(house.operatorOfPlatform, id, R"({"name":"The platform"})").ok());
    }

    void changesWhatIsNamed() {
        const auto id = House::organizationId(2);
        CPPUNIT_ASSERT(house.updateOrganization(house.operatorOfPlatform, id, R"({"limits":{"tokensPerMonth":9}})", "\"1\"").ok());
        const auto& stored = house.registry.organizations.at(id);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"tokensPerMonth":9})"), stored.limitsJson);
        CPPUNIT_ASSERT_EQUAL(std::string("tenant-a"), stored.name);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, stored.version);
        CPPUNIT_ASSERT_EQUAL(std::string("PRECONDITION_FAILED"),
                             House::codeOf(house.updateOrganization(house.operatorOfPlatform, id, R"({"name":"n"})", "\"1\"")));
        CPPUNIT_ASSERT_EQUAL(std::string("/slug "),
                             House::pointersOf(house.updateOrganization(house.operatorOfPlatform, id, R"({"slug":"n"})")));
        CPPUNIT_ASSERT(house.updateOrganization(house.operatorOfPlatform, id, "{}").mutation.empty());
    }

    void row62ShowsAnOrganizationOnlyItself() {
        CPPUNIT_ASSERT(read(house.adminA, House::organizationId(2)).ok());
        const auto other = read(house.adminA, House::organizationId(3));
        CPPUNIT_ASSERT_EQUAL(std::string("NOT_FOUND"), House::codeOf(other));
        CPPUNIT_ASSERT(other.mutation.events.at(0).action == model::Action::AccessRefused);
        const auto missing = read(house.adminA, base::uuidV4());
        CPPUNIT_ASSERT_EQUAL(House::problem(other).detail, House::problem(missing).detail);
        CPPUNIT_ASSERT(missing.mutation.events.empty());
        CPPUNIT_ASSERT(read(house.operatorOfPlatform, House::organizationId(3)).ok());
        const auto own = House::body(list(house.adminA, {}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, own.find("data")->asArray()->size());
    }

    void suspendsOnDelete() {
        const auto id = House::organizationId(3);
        CPPUNIT_ASSERT_EQUAL(204, House::answer(remove(house.operatorOfPlatform, id)).status);
        CPPUNIT_ASSERT(house.registry.organizations.at(id).status == model::OrganizationStatus::Suspended);
        CPPUNIT_ASSERT(house.registry.events.back().action == model::Action::OrganizationUpdated);
        CPPUNIT_ASSERT(remove(house.operatorOfPlatform, id).mutation.empty());
        const auto ruling =
            house.createAgent(house.operatorOfPlatform, R"({"email":"a@b","agentType":"t","owner":"o","organizationId":")" + id + "\"}");
        CPPUNIT_ASSERT_EQUAL(std::string("CONFLICT"), House::codeOf(ruling));
        CPPUNIT_ASSERT(house.updateOrganization(house.operatorOfPlatform, id, R"({"status":"active"})").ok());
    }

    void listsInPages() {
        const auto first = House::body(list(house.operatorOfPlatform, {{"limit", "2"}}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, first.find("data")->asArray()->size());
        const auto second = House::body(list(house.operatorOfPlatform, {{"limit", "2"}, {"cursor", first.textOr("nextCursor", "")}}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, second.find("data")->asArray()->size());
        CPPUNIT_ASSERT(second.find("nextCursor")->isNull());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(OrganizationsTest);

}  // namespace agentidp::registry
