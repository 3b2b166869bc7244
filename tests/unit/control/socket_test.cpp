/// The control socket between the CLI and the daemon.
#include <cppunit/extensions/HelperMacros.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "control/socket.h"
#include "support/temporary_folder.h"

namespace agentidp::control {

using base::Errc;
namespace json = base::json;

class SocketTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SocketTest);
    CPPUNIT_TEST(answersACommandAndKnowsWhoAsked);
    CPPUNIT_TEST(carriesErrorsWithTheirCode);
    CPPUNIT_TEST(refusesAnUnknownCommand);
    CPPUNIT_TEST(saysThatNobodyListens);
    CPPUNIT_TEST(refusesASecondServerAndReplacesADeadSocket);
    CPPUNIT_TEST(isClosedToOthers);
    CPPUNIT_TEST(survivesGarbageAndASilentPeer);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { path_ = folder_ / "control.sock"; }

    void answersACommandAndKnowsWhoAsked() {
        const auto server = open();
        const auto answer = ask(path_, "echo", json::Object{{"word", "hello"}}, wait_);
        CPPUNIT_ASSERT(answer.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("hello"), answer->textOr("word", ""));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{::getuid()}, answer->intOr("uid", -1));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{::getpid()}, answer->intOr("pid", -1));
    }

    void carriesErrorsWithTheirCode() {
        const auto server = open();
        const auto answer = ask(path_, "fail", json::Object{}, wait_);
        CPPUNIT_ASSERT(answer.error().code == Errc::Conflict);
        CPPUNIT_ASSERT_EQUAL(std::string("not now"), answer.error().hint);
    }

    void refusesAnUnknownCommand() {
        const auto server = open();
        CPPUNIT_ASSERT(ask(path_, "nothing", json::Object{}, wait_).error().code == Errc::Unsupported);
    }

    void saysThatNobodyListens() { CPPUNIT_ASSERT(ask(path_, "echo", json::Object{}, wait_).error().code == Errc::NotFound); }

    void refusesASecondServerAndReplacesADeadSocket() {
        {
            const auto first = open();
            const auto second = ControlServer::open(path_, {});
            CPPUNIT_ASSERT(!second.ok() && second.error().code == Errc::Exists);
        }
        // What a killed daemon leaves behind: a file that nobody answers on.
        const int dead = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        CPPUNIT_ASSERT_EQUAL(0, ::bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof(address)));
        ::close(dead);
        const auto again = open();
        CPPUNIT_ASSERT(ask(path_, "echo", json::Object{}, wait_).ok());
    }

    void isClosedToOthers() {
        const auto server = open();
        struct stat info {};
        CPPUNIT_ASSERT_EQUAL(0, ::stat(path_.c_str(), &info));
        CPPUNIT_ASSERT_EQUAL(0660U, static_cast<unsigned>(info.st_mode & 07777U));
    }

    void survivesGarbageAndASilentPeer() {
        const auto server = open();
        for (const std::string line : {"not json\n", "\n", "[]\n", "{\"command\":7}\n", "{\"command\":\"echo\",\"args\":[]}\n"}) {
            const int peer = connected();
            CPPUNIT_ASSERT_EQUAL(static_cast<ssize_t>(line.size()), ::send(peer, line.data(), line.size(), MSG_NOSIGNAL));
            char first = 0;
            CPPUNIT_ASSERT_EQUAL(ssize_t{1}, ::recv(peer, &first, 1, 0));
            CPPUNIT_ASSERT_EQUAL('{', first);
            ::close(peer);
        }
        ::close(connected());  // says nothing and goes
        CPPUNIT_ASSERT(ask(path_, "echo", json::Object{}, wait_).ok());
    }

private:
    std::unique_ptr<ControlServer> open() {
        std::vector<Command> commands;
        commands.push_back({"echo", [](const json::Value& args, const PeerCredentials& peer) -> base::Result<json::Value> {
                                return json::Value(json::Object{{"word", args.textOr("word", "")}, {"uid", peer.uid}, {"pid", peer.pid}});
                            }});
        commands.push_back({"fail", [](const json::Value&, const PeerCredentials&) -> base::Result<json::Value> {
                                return base::fail(Errc::Conflict, "not now", "for the log only");
                            }});
        auto server = ControlServer::open(path_, std::move(commands));
        CPPUNIT_ASSERT(server.ok());
        return std::move(*server);
    }

    int connected() const {
        const int peer = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        CPPUNIT_ASSERT_EQUAL(0, ::connect(peer, reinterpret_cast<sockaddr*>(&address), sizeof(address)));
        return peer;
    }

    tests::TemporaryFolder folder_;
    std::string path_;
    base::milliseconds wait_{10'000};
};

CPPUNIT_TEST_SUITE_REGISTRATION(SocketTest);

}  // namespace agentidp::control
