/// The main() of every CppUnit binary. One line a test, which tests/run.sh counts: `ok NAME`, `not ok NAME: why`,
/// `skip NAME: why`. `-k TEXT` selects by part of the name, `--list` prints names only.
#include <cppunit/Exception.h>
#include <cppunit/TestFailure.h>
#include <cppunit/TestListener.h>
#include <cppunit/TestResult.h>
#include <cppunit/TestSuite.h>
#include <cppunit/extensions/TestFactoryRegistry.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <vector>

#include "support/skip.h"

namespace {

std::optional<std::string> skipReason;

class Report final : public CppUnit::TestListener {
public:
    void startTest(CppUnit::Test*) override {
        skipReason.reset();
        failure_.reset();
    }
    void addFailure(const CppUnit::TestFailure& failure) override {
        const auto* thrown = failure.thrownException();
        std::string why = thrown->what();
        std::replace(why.begin(), why.end(), '\n', ' ');
        failure_ = failure.sourceLine().fileName() + ":" + std::to_string(failure.sourceLine().lineNumber()) + " " + why;
    }
    void endTest(CppUnit::Test* test) override {
        if (failure_) {
            std::cout << "not ok " << test->getName() << ": " << *failure_ << std::endl;
            failed = true;
        } else if (skipReason) {
            std::cout << "skip " << test->getName() << ": " << *skipReason << std::endl;
        } else {
            std::cout << "ok " << test->getName() << std::endl;
        }
    }
    bool failed = false;

private:
    std::optional<std::string> failure_;
};

void collect(CppUnit::Test* test, std::vector<CppUnit::Test*>& out) {
    if (test->getChildTestCount() == 0) {
        out.push_back(test);
        return;
    }
    for (int i = 0; i < test->getChildTestCount(); ++i) collect(test->getChildTestAt(i), out);
}

}  // namespace

namespace agentidp::tests {

void skip(const std::string& reason) { skipReason = reason; }

std::string vectorsFolder() {
    if (const char* given = std::getenv("AGENTIDP_VECTORS")) return std::filesystem::exists(given) ? given : "";
    const std::filesystem::path beside = std::filesystem::path(AGENTIDP_SOURCE_DIR) / ".." / "shared" / "vectors";
    return std::filesystem::exists(beside) ? beside.lexically_normal().string() : "";
}

}  // namespace agentidp::tests

int main(int argc, char** argv) {
    std::string only;
    bool list = false;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument == "--list") {
            list = true;
        } else if (argument == "-k" && i + 1 < argc) {
            only = argv[++i];
        } else {
            std::cerr << "usage: " << argv[0] << " [--list] [-k TEXT]\n";
            return 2;
        }
    }
    const std::unique_ptr<CppUnit::Test> root(CppUnit::TestFactoryRegistry::getRegistry().makeTest());
    std::vector<CppUnit::Test*> tests;
    collect(root.get(), tests);
    CppUnit::TestResult result;
    Report report;
    result.addListener(&report);
    for (auto* test : tests) {
        if (!only.empty() && test->getName().find(only) == std::string::npos) continue;
        if (list)
            std::cout << test->getName() << "\n";
        else
            test->run(&result);
    }
    return report.failed ? 1 : 0;
}
