/// Secret references: what they read, what they refuse, and that no message shows a secret.
#include "config/secret_ref.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/stat.h>

#include "support/temp_folder.h"

namespace agentidp::config {

class SecretRefTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SecretRefTest);
    CPPUNIT_TEST(readsPrivateFiles);
    CPPUNIT_TEST(dropsOneLineEndOnly);
    CPPUNIT_TEST(refusesFilesOthersMayRead);
    CPPUNIT_TEST(readsCredentialsOfAnyMode);
    CPPUNIT_TEST(keepsCredentialNamesInTheirFolder);
    CPPUNIT_TEST(readsVariables);
    CPPUNIT_TEST(refusesEmptyMissingAndOversize);
    CPPUNIT_TEST(refusesWhatIsNoFileWithoutHanging);
    CPPUNIT_TEST(refusesLiteralsWithoutQuotingThem);
    CPPUNIT_TEST(readsAnewEachTime);
    CPPUNIT_TEST_SUITE_END();

    tests::TempFolder folder_;

    static std::string text(const base::Result<base::Secret>& result) {
        CPPUNIT_ASSERT_MESSAGE(result.ok() ? "" : result.error().hint, result.ok());
        return std::string(result->text());
    }
    static base::Errc code(const base::Result<base::Secret>& result) {
        CPPUNIT_ASSERT(!result.ok());
        CPPUNIT_ASSERT_EQUAL(std::string::npos, result.error().hint.find("hunter2"));
        CPPUNIT_ASSERT_EQUAL(std::string::npos, result.error().detail.find("hunter2"));
        return result.error().code;
    }
    [[nodiscard]] base::Result<base::Secret> file(std::string_view content, ::mode_t mode = 0600) const {
        return SecretResolver({}).resolve("file:" + folder_.write("s", content, mode));
    }

public:
    void readsPrivateFiles() {
        CPPUNIT_ASSERT_EQUAL(std::string("hunter2"), text(file("hunter2")));
        CPPUNIT_ASSERT_EQUAL(std::string("hunter2"), text(file("hunter2", 0400)));
        CPPUNIT_ASSERT_EQUAL(std::string("a\0b", 3), text(file(std::string_view("a\0b", 3))));
    }

    void dropsOneLineEndOnly() {
        CPPUNIT_ASSERT_EQUAL(std::string("a"), text(file("a\n")));
        CPPUNIT_ASSERT_EQUAL(std::string("a"), text(file("a\r\n")));
        CPPUNIT_ASSERT_EQUAL(std::string("a\n"), text(file("a\n\n")));
        CPPUNIT_ASSERT_EQUAL(std::string("a\r"), text(file("a\r")));
        CPPUNIT_ASSERT_EQUAL(std::string(" a "), text(file(" a ")));
    }

    void refusesFilesOthersMayRead() {
        for (const ::mode_t mode : {0640, 0604, 0620, 0602, 0644, 0666}) CPPUNIT_ASSERT(code(file("hunter2", mode)) == base::Errc::Invalid);
    }

    void readsCredentialsOfAnyMode() {
        const auto path = folder_.write("pepper", "hunter2\n", 0444);
        const SecretResolver resolver({{"CREDENTIALS_DIRECTORY", folder_.path()}});
        CPPUNIT_ASSERT_EQUAL(std::string("hunter2"), text(resolver.resolve("cred:pepper")));
        CPPUNIT_ASSERT_EQUAL(std::string("hunter2"), text(resolver.resolve("file:" + path)));
        CPPUNIT_ASSERT(code(SecretResolver({}).resolve("cred:pepper")) == base::Errc::NotFound);
        CPPUNIT_ASSERT(code(resolver.resolve("cred:salt")) == base::Errc::NotFound);
    }

    void keepsCredentialNamesInTheirFolder() {
        ::mkdir(folder_.path("c").c_str(), 0700);
        const auto outside = folder_.write("outside", "hunter2", 0444);
        const SecretResolver resolver({{"CREDENTIALS_DIRECTORY", folder_.path("c")}});
        for (const auto* name : {"../outside", "..", ".", "a/b", "/etc/hostname"})
            CPPUNIT_ASSERT(code(resolver.resolve(std::string("cred:") + name)) == base::Errc::Invalid);
        CPPUNIT_ASSERT(code(resolver.resolve("file:" + folder_.path("c") + "/../outside")) == base::Errc::Invalid);
    }

    void readsVariables() {
        const SecretResolver resolver({{"PW", "hunter2"}, {"EMPTY", ""}});
        CPPUNIT_ASSERT_EQUAL(std::string("hunter2"), text(resolver.resolve("env:PW")));
        CPPUNIT_ASSERT(code(resolver.resolve("env:EMPTY")) == base::Errc::NotFound);
        CPPUNIT_ASSERT(code(resolver.resolve("env:NONE")) == base::Errc::NotFound);
    }

    void refusesEmptyMissingAndOversize() {
        CPPUNIT_ASSERT(code(file("")) == base::Errc::Invalid);
        CPPUNIT_ASSERT(code(file("\n")) == base::Errc::Invalid);
        CPPUNIT_ASSERT(code(SecretResolver({}).resolve("file:" + folder_.path("none"))) == base::Errc::NotFound);
        CPPUNIT_ASSERT_EQUAL(kMaxSecretBytes, text(file(std::string(kMaxSecretBytes, 'x'))).size());
        CPPUNIT_ASSERT(code(file(std::string(kMaxSecretBytes + 1, 'x'))) == base::Errc::TooLarge);
        const SecretResolver resolver({{"BIG", std::string(kMaxSecretBytes + 1, 'x')}});
        CPPUNIT_ASSERT(code(resolver.resolve("env:BIG")) == base::Errc::TooLarge);
    }

    void refusesWhatIsNoFileWithoutHanging() {
        CPPUNIT_ASSERT_EQUAL(0, ::mkfifo(folder_.path("pipe").c_str(), 0600));
        CPPUNIT_ASSERT(code(SecretResolver({}).resolve("file:" + folder_.path("pipe"))) == base::Errc::Invalid);
        CPPUNIT_ASSERT(code(SecretResolver({}).resolve("file:" + folder_.path())) == base::Errc::Invalid);
        CPPUNIT_ASSERT(code(SecretResolver({}).resolve("file:/dev/zero")) == base::Errc::Invalid);
    }

    void refusesLiteralsWithoutQuotingThem() {
        for (const auto* literal : {"hunter2", "", "file:", "cred:", "env:", "vault:hunter2", "FILE:hunter2", " env:hunter2"}) {
            CPPUNIT_ASSERT(!isSecretReference(literal));
            CPPUNIT_ASSERT(code(SecretResolver({}).resolve(literal)) == base::Errc::Invalid);
        }
        CPPUNIT_ASSERT(code(SecretResolver({}).resolve(std::string_view("file:/a\0b", 9))) == base::Errc::Invalid);
    }

    void readsAnewEachTime() {
        const auto path = folder_.write("s", "one");
        const SecretResolver resolver({});
        CPPUNIT_ASSERT_EQUAL(std::string("one"), text(resolver.resolve("file:" + path)));
        (void)folder_.write("s", "two");
        CPPUNIT_ASSERT_EQUAL(std::string("two"), text(resolver.resolve("file:" + path)));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SecretRefTest);

}  // namespace agentidp::config
