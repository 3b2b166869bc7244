/// The hostile corpus, as the daemon runs it.
#include "policy/selftest.h"

#include <cppunit/extensions/HelperMacros.h>

#include <iostream>

namespace agentidp::policy {

class SelftestTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SelftestTest);
    CPPUNIT_TEST(everyScriptEndsAsItSays);
    CPPUNIT_TEST(aBudgetThatDoesNotHoldIsFound);
    CPPUNIT_TEST_SUITE_END();

public:
    void everyScriptEndsAsItSays() {
        const auto report = selftest({});
        CPPUNIT_ASSERT(report.cases.size() > 100);
        std::string wrong;
        for (const auto& name : report.strayNames) wrong += "stray " + name + "; ";
        for (const auto& one : report.cases)
            if (!one.passed)
                wrong +=
                    one.name + " ended by " + one.seen + ", not " + one.expected + ", after " + std::to_string(one.cpu.count()) + " us; ";
        std::cout << "slowest " << report.slowest()->name << " " << report.slowest()->cpu.count() << " us" << std::endl;
        CPPUNIT_ASSERT_EQUAL(std::string(), wrong);
        CPPUNIT_ASSERT(report.passed());
    }

    void aBudgetThatDoesNotHoldIsFound() {
        CallBudget generous;
        generous.units = std::int64_t{1} << 40U;
        generous.wall = base::milliseconds(1);
        const auto report = selftest(generous);
        CPPUNIT_ASSERT(!report.passed() && report.failures() > 0);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(SelftestTest);

}  // namespace agentidp::policy
