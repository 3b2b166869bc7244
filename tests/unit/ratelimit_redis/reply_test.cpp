#include "reply.h"

#include <cppunit/extensions/HelperMacros.h>

namespace agentidp::ratelimit_redis {
namespace {

using Got = ReplyReader::Got;

class ReplyTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ReplyTest);
    CPPUNIT_TEST(readsEveryKind);
    CPPUNIT_TEST(readsRepliesThatComeInPieces);
    CPPUNIT_TEST(readsManyRepliesOfOnePiece);
    CPPUNIT_TEST(refusesWhatIsNoReply);
    CPPUNIT_TEST(refusesWhatIsBeyondItsBounds);
    CPPUNIT_TEST_SUITE_END();

    static Got read(const std::string& bytes, Reply& into) {
        ReplyReader reader;
        reader.feed(bytes);
        return reader.next(into);
    }
    static Reply whole(const std::string& bytes) {
        Reply reply;
        CPPUNIT_ASSERT_MESSAGE(bytes, read(bytes, reply) == Got::Reply);
        return reply;
    }

    void readsEveryKind() {
        CPPUNIT_ASSERT_EQUAL(std::string("PONG"), whole("+PONG\r\n").text);
        const auto error = whole("-WRONGPASS no\r\n");
        CPPUNIT_ASSERT(error.isError());
        CPPUNIT_ASSERT_EQUAL(std::string("WRONGPASS no"), error.text);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{-42}, whole(":-42\r\n").number);
        CPPUNIT_ASSERT_EQUAL(std::string("a\r\nb\0", 5), whole(std::string("$5\r\na\r\nb\0\r\n", 11)).text);
        CPPUNIT_ASSERT(whole("$0\r\n\r\n").kind == Reply::Kind::Bulk);
        CPPUNIT_ASSERT(whole("$-1\r\n").kind == Reply::Kind::Null);
        CPPUNIT_ASSERT(whole("*-1\r\n").kind == Reply::Kind::Null);
        const auto array = whole("*3\r\n:1\r\n$1\r\nx\r\n*1\r\n+y\r\n");
        CPPUNIT_ASSERT(array.kind == Reply::Kind::Array);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, array.items.size());
        CPPUNIT_ASSERT_EQUAL(std::string("y"), array.items[2].items[0].text);
    }
    void readsRepliesThatComeInPieces() {
        const std::string bytes = "*2\r\n$3\r\nabc\r\n:7\r\n";
        ReplyReader reader;
        Reply reply;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            CPPUNIT_ASSERT(reader.next(reply) == Got::More);
            reader.feed(bytes.substr(i, 1));
        }
        CPPUNIT_ASSERT(reader.next(reply) == Got::Reply);
        CPPUNIT_ASSERT_EQUAL(std::string("abc"), reply.items[0].text);
        CPPUNIT_ASSERT(reader.next(reply) == Got::More);
    }
    void readsManyRepliesOfOnePiece() {
        ReplyReader reader;
        std::string bytes;
        for (int i = 0; i < 20'000; ++i) bytes += ":" + std::to_string(i) + "\r\n";
        reader.feed(bytes);
        Reply reply;
        for (int i = 0; i < 20'000; ++i) {
            CPPUNIT_ASSERT(reader.next(reply) == Got::Reply);
            CPPUNIT_ASSERT_EQUAL(std::int64_t{i}, reply.number);
        }
        CPPUNIT_ASSERT(reader.next(reply) == Got::More);
    }
    void refusesWhatIsNoReply() {
        for (const auto* bytes :
             {"PONG\r\n", "\r\n", "HTTP/1.1 400 Bad Request\r\n", "\x15\x03\x03", ": 5\r\n", ":\r\n", ":+5\r\n", ":5x\r\n",
              ":99999999999999999999\r\n", "$-5\r\n", "*-2\r\n", "$3\r\nabcXY", "+a\rb\r\n", "_\r\n", "%1\r\n"}) {
            Reply reply;
            CPPUNIT_ASSERT_MESSAGE(bytes, read(bytes, reply) == Got::Broken);
        }
    }
    void refusesWhatIsBeyondItsBounds() {
        Reply reply;
        CPPUNIT_ASSERT(read("$1500000000\r\nabc", reply) == Got::Broken);
        CPPUNIT_ASSERT(read("*1000000\r\n", reply) == Got::Broken);
        std::string nested;
        for (int i = 0; i < 200'000; ++i) nested += "*1\r\n";
        CPPUNIT_ASSERT(read(nested, reply) == Got::Broken);
        CPPUNIT_ASSERT(read("+" + std::string(ReplyReader::kMaxReply + 2, 'a'), reply) == Got::Broken);
        std::string wide = "*200\r\n";
        for (int i = 0; i < 199; ++i) wide += "$1000\r\n" + std::string(1'000, 'x') + "\r\n";
        CPPUNIT_ASSERT(read(wide, reply) == Got::Broken);
        wide += "$1000\r\n" + std::string(1'000, 'x') + "\r\n";
        CPPUNIT_ASSERT_MESSAGE("complete, and too large all the same", read(wide, reply) == Got::Broken);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReplyTest);

}  // namespace
}  // namespace agentidp::ratelimit_redis
