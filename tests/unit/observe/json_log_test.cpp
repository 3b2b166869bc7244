/// The log's thread: order, level, whole lines, and that a reader who does not read costs lines and never time.
#include "observe/json_log.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <climits>
#include <optional>
#include <sstream>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "fakes/fake_clock.h"
#include "support/temp_folder.h"

namespace agentidp::observe {

class JsonLogTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(JsonLogTest);
    CPPUNIT_TEST(writesLinesInOrder);
    CPPUNIT_TEST(keepsToTheMinimumLevel);
    CPPUNIT_TEST(changesTheMinimumLive);
    CPPUNIT_TEST(writesWhatIsBufferedAtTheEnd);
    CPPUNIT_TEST(takesLinesFromManyThreadsWhole);
    CPPUNIT_TEST(dropsAndCountsWhenThePipeIsFull);
    CPPUNIT_TEST(endsThoughNobodyReads);
    CPPUNIT_TEST(survivesAReaderThatWentAway);
    CPPUNIT_TEST(countsLinesOnABadDescriptor);
    CPPUNIT_TEST(writesToSockets);
    CPPUNIT_TEST(appendsToFiles);
    CPPUNIT_TEST_SUITE_END();

    struct Pipe {
        Pipe() { CPPUNIT_ASSERT_EQUAL(0, ::pipe2(fds, O_CLOEXEC)); }
        ~Pipe() {
            closeRead();
            closeWrite();
        }
        void closeRead() {
            if (fds[0] >= 0) ::close(fds[0]);
            fds[0] = -1;
        }
        void closeWrite() {
            if (fds[1] >= 0) ::close(fds[1]);
            fds[1] = -1;
        }
        /// Everything up to the end of file.
        std::string readAll() {
            std::string text;
            char buffer[65536];
            for (;;) {
                const auto count = ::read(fds[0], buffer, sizeof buffer);
                if (count <= 0) return text;
                text.append(buffer, static_cast<std::size_t>(count));
            }
        }
        int fds[2]{-1, -1};
    };

    tests::FakeClock clock_;

    static std::vector<base::json::Value> parsed(const std::string& text) {
        std::vector<base::json::Value> lines;
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) {
            auto value = base::json::parse(line);
            CPPUNIT_ASSERT_MESSAGE(line, value.ok());
            lines.push_back(*std::move(value));
        }
        return lines;
    }

public:
    void writesLinesInOrder() {
        Pipe pipe;
        {
            JsonLog log({.fd = pipe.fds[1]}, clock_);
            for (int i = 0; i < 100; ++i) log.write(Message::HTTP_REQUEST, {{"n", i}});
            CPPUNIT_ASSERT(log.flush(base::seconds(10)));
        }
        pipe.closeWrite();
        const auto lines = parsed(pipe.readAll());
        CPPUNIT_ASSERT_EQUAL(std::size_t{100}, lines.size());
        for (std::size_t i = 0; i < lines.size(); ++i)
            CPPUNIT_ASSERT_EQUAL(static_cast<std::int64_t>(i), lines[i].find("fields")->intOr("n", -1));
        CPPUNIT_ASSERT_EQUAL(base::rfc3339(clock_.now()), lines[0].textOr("ts", ""));
    }

    void keepsToTheMinimumLevel() {
        Pipe pipe;
        {
            JsonLog log({.fd = pipe.fds[1], .minimum = Level::Warn}, clock_);
            log.write(Message::READY);
            log.write(Message::NOT_READY);
            log.write(Message::INTERNAL_ERROR);
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, log.dropped());
        }
        pipe.closeWrite();
        const auto lines = parsed(pipe.readAll());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, lines.size());
        CPPUNIT_ASSERT_EQUAL(std::string("warn"), lines[0].textOr("level", ""));
        CPPUNIT_ASSERT_EQUAL(std::string("error"), lines[1].textOr("level", ""));
    }

    void changesTheMinimumLive() {
        Pipe pipe;
        {
            JsonLog log({.fd = pipe.fds[1], .minimum = Level::Error}, clock_);
            log.write(Message::READY);
            log.setMinimum(Level::Debug);
            log.write(Message::READY);
        }
        pipe.closeWrite();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, parsed(pipe.readAll()).size());
    }

    void writesWhatIsBufferedAtTheEnd() {
        Pipe pipe;
        std::string text;
        std::thread reader([&] { text = pipe.readAll(); });
        {
            JsonLog log({.fd = pipe.fds[1]}, clock_);
            for (int i = 0; i < 1000; ++i) log.write(Message::HTTP_REQUEST, {{"pad", std::string(500, 'x')}});
        }
        pipe.closeWrite();
        reader.join();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1000}, parsed(text).size());
    }

    void takesLinesFromManyThreadsWhole() {
        Pipe pipe;
        std::string text;
        std::thread reader([&] { text = pipe.readAll(); });
        {
            JsonLog log({.fd = pipe.fds[1], .bufferBytes = 64U << 20U}, clock_);
            std::vector<std::thread> writers;
            for (int t = 0; t < 8; ++t)
                writers.emplace_back([&log, t] {
                    for (int i = 0; i < 500; ++i)
                        log.write(Message::HTTP_REQUEST, {{"t", t}, {"pad", std::string(static_cast<std::size_t>(i * 3), 'y')}});
                });
            for (auto& writer : writers) writer.join();
            CPPUNIT_ASSERT(log.flush(base::seconds(20)));
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, log.dropped());
        }
        pipe.closeWrite();
        reader.join();
        CPPUNIT_ASSERT_EQUAL(std::size_t{4000}, parsed(text).size());
    }

    void dropsAndCountsWhenThePipeIsFull() {
        Pipe pipe;
        std::uint64_t dropped = 0;
        constexpr int kLines = 5000;
        std::string text;
        std::optional<std::thread> reader;
        {
            JsonLog log({.fd = pipe.fds[1], .bufferBytes = 32U << 10U}, clock_);
            for (int i = 0; i < kLines; ++i) log.write(Message::HTTP_REQUEST, {{"pad", std::string(200, 'x')}});
            dropped = log.dropped();
            CPPUNIT_ASSERT(dropped > kLines / 2);
            CPPUNIT_ASSERT(!log.flush(base::milliseconds(0)));
            reader.emplace([&] { text = pipe.readAll(); });
            CPPUNIT_ASSERT(log.flush(base::seconds(10)));
        }
        pipe.closeWrite();
        reader->join();
        std::int64_t reported = 0;
        std::uint64_t written = 0;
        for (const auto& line : parsed(text)) {
            if (line.textOr("id", "") == "LOG_DROPPED")
                reported += line.find("fields")->intOr("count", 0);
            else
                ++written;
        }
        CPPUNIT_ASSERT_EQUAL(dropped, static_cast<std::uint64_t>(reported));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{kLines}, written + dropped);
    }

    void endsThoughNobodyReads() {
        Pipe pipe;
        const auto began = std::chrono::steady_clock::now();
        {
            JsonLog log({.fd = pipe.fds[1]}, clock_);
            for (int i = 0; i < 3000; ++i) log.write(Message::HTTP_REQUEST, {{"pad", std::string(200, 'x')}});
        }
        CPPUNIT_ASSERT(std::chrono::steady_clock::now() - began < std::chrono::seconds(8));
    }

    void survivesAReaderThatWentAway() {
        Pipe pipe;
        JsonLog log({.fd = pipe.fds[1]}, clock_);
        pipe.closeRead();
        for (int i = 0; i < 10; ++i) log.write(Message::READY);
        CPPUNIT_ASSERT(log.flush(base::seconds(10)));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{10}, log.dropped());
    }

    void countsLinesOnABadDescriptor() {
        JsonLog log({.fd = 1 << 20}, clock_);
        log.write(Message::READY);
        log.write(Message::READY);
        CPPUNIT_ASSERT(log.flush(base::seconds(10)));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, log.dropped());
    }

    void writesToSockets() {
        int fds[2];
        CPPUNIT_ASSERT_EQUAL(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
        char buffer[512];
        ssize_t count = 0;
        {
            JsonLog log({.fd = fds[1]}, clock_);
            log.write(Message::READY);
            count = ::read(fds[0], buffer, sizeof buffer);
        }
        ::close(fds[0]);
        ::close(fds[1]);
        CPPUNIT_ASSERT(count > 0);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, parsed(std::string(buffer, static_cast<std::size_t>(count))).size());
    }

    void appendsToFiles() {
        const tests::TempFolder folder;
        const int fd = ::open(folder.write("log", "first\n").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
        {
            JsonLog log({.fd = fd, .format = LogFormat::Human}, clock_);
            log.write(Message::READY);
        }
        ::close(fd);
        std::ifstream in(folder.path("log"));
        std::string first;
        std::string second;
        std::getline(in, first);
        std::getline(in, second);
        CPPUNIT_ASSERT_EQUAL(std::string("first"), first);
        CPPUNIT_ASSERT(second.ends_with("info  ready [READY]"));
        CPPUNIT_ASSERT(formatFor(fd) == LogFormat::Json);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(JsonLogTest);

}  // namespace agentidp::observe
