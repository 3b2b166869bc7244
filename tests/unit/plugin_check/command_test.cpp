/// `agentidp plugin` as it is typed, and a scaffold built outside the tree as its README says.
#include <cppunit/extensions/HelperMacros.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "base/json.h"
#include "cli/plugin/plugin_command.h"
#include "support/temp_folder.h"

namespace agentidp::cli {

class PluginCommandTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(PluginCommandTest);
    CPPUNIT_TEST(explainsItself);
    CPPUNIT_TEST(tellsMisuseApart);
    CPPUNIT_TEST(listsAFolder);
    CPPUNIT_TEST(beginsAProjectOnlyInAnEmptyFolder);
    CPPUNIT_TEST(sendsStorageAuthorsToASource);
    CPPUNIT_TEST(buildsOutsideTheTreeWhatItBegan);
    CPPUNIT_TEST_SUITE_END();

    tests::TempFolder folder_;
    std::string out_, err_;

    int run(const std::vector<std::string>& arguments) {
        std::ostringstream out;
        std::ostringstream err;
        auto* const outBefore = std::cout.rdbuf(out.rdbuf());
        auto* const errBefore = std::cerr.rdbuf(err.rdbuf());
        const int code = pluginCommand(arguments);
        std::cout.rdbuf(outBefore);
        std::cerr.rdbuf(errBefore);
        out_ = out.str();
        err_ = err.str();
        return code;
    }

    void explainsItself() {
        CPPUNIT_ASSERT_EQUAL(0, run({"--help"}));
        CPPUNIT_ASSERT(out_.find("Examples:") != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(2, run({}));
    }
    void tellsMisuseApart() {
        CPPUNIT_ASSERT_EQUAL(2, run({"frobnicate"}));
        CPPUNIT_ASSERT_EQUAL(2, run({"check"}));
        CPPUNIT_ASSERT_EQUAL(2, run({"check", "a.so", "--format", "xml"}));
        CPPUNIT_ASSERT_EQUAL(2, run({"check", "a.so", "--config"}));
        CPPUNIT_ASSERT_EQUAL(2, run({"check", "a.so", "--config", folder_.write("c.json", "[1]")}));
        CPPUNIT_ASSERT_EQUAL(2, run({"check", "a.so", "--colour"}));
        CPPUNIT_ASSERT_EQUAL(2, run({"list", folder_.path("none")}));
        CPPUNIT_ASSERT_EQUAL(2, run({"new", "keys"}));
        CPPUNIT_ASSERT_EQUAL(2, run({"new", "hooks", "x"}));
        CPPUNIT_ASSERT_EQUAL(2, run({"new", "keys", "X"}));
        CPPUNIT_ASSERT_EQUAL(1, run({"check", folder_.path("none.so")}));
    }
    void listsAFolder() {
        CPPUNIT_ASSERT_EQUAL(1, run({"list", AGENTIDP_BROKEN_PLUGINS, "--json"}));
        const auto told = base::json::parse(out_);
        CPPUNIT_ASSERT(told.ok());
        CPPUNIT_ASSERT(told->find("plugins")->asArray()->size() > 10);
        CPPUNIT_ASSERT_EQUAL(0, run({"list", folder_.path()}));
        CPPUNIT_ASSERT(out_.find("no plugins in") != std::string::npos);
    }
    void beginsAProjectOnlyInAnEmptyFolder() {
        const std::string to = folder_.path("made");
        CPPUNIT_ASSERT_EQUAL(0, run({"new", "keys", "acme-hsm", "--dir", to}));
        CPPUNIT_ASSERT(std::filesystem::exists(to + "/acme_hsm.cpp"));
        std::ifstream in(to + "/acme_hsm.cpp");
        const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
        CPPUNIT_ASSERT(text.find("class AcmeHsm final") != std::string::npos);
        CPPUNIT_ASSERT(text.find('@') == std::string::npos);
        CPPUNIT_ASSERT_EQUAL(2, run({"new", "keys", "acme-hsm", "--dir", to}));
        CPPUNIT_ASSERT(err_.find("is not empty") != std::string::npos);
    }
    void sendsStorageAuthorsToASource() {
        CPPUNIT_ASSERT_EQUAL(2, run({"new", "storage", "acme", "--dir", folder_.path("s")}));
        CPPUNIT_ASSERT(err_.find("plugins/storage-sqlite") != std::string::npos);
        CPPUNIT_ASSERT(!std::filesystem::exists(folder_.path("s")));
    }
    void buildsOutsideTheTreeWhatItBegan() {
        const std::string to = folder_.path("ratelimit-acme");
        CPPUNIT_ASSERT_EQUAL(0, run({"new", "ratelimit", "acme", "--dir", to}));
        const std::string log = " > " + folder_.path("log") + " 2>&1";
        const std::string configure = std::string(AGENTIDP_CMAKE) + " -S " + to + " -B " + to +
                                      "/build -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH=" + AGENTIDP_BUILD + log;
        CPPUNIT_ASSERT_EQUAL_MESSAGE(configure, 0, std::system(configure.c_str()));  // NOLINT(cert-env33-c)
        const std::string build = std::string(AGENTIDP_CMAKE) + " --build " + to + "/build" + log;
        CPPUNIT_ASSERT_EQUAL_MESSAGE(build, 0, std::system(build.c_str()));  // NOLINT(cert-env33-c)
        CPPUNIT_ASSERT_EQUAL_MESSAGE(out_, 0, run({"list", to + "/build"}));
        CPPUNIT_ASSERT(out_.find("ratelimit-acme") != std::string::npos);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(PluginCommandTest);

}  // namespace agentidp::cli
