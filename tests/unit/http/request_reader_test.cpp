/// Bytes to Request without a socket: bodies by length and by chunks, in every split.
#include <cppunit/extensions/HelperMacros.h>

#include "http/request_reader.h"

namespace agentidp::http {
namespace {

using Stage = RequestReader::Stage;

struct Outcome {
    Stage stage = Stage::Head;
    int status = 0;
    std::string body;
    std::size_t used = 0;
};

const ReaderLimits& limits() {
    static const ReaderLimits kLimits{.head = {},
                                      .body = [](Method, std::string_view path) -> std::size_t { return path == "/small" ? 10 : 1000; }};
    return kLimits;
}

Outcome readBy(const std::string& bytes, std::size_t step) {
    RequestReader reader(limits());
    Outcome outcome;
    while (outcome.used < bytes.size() && (reader.stage() == Stage::Head || reader.stage() == Stage::Body)) {
        outcome.used += reader.feed(std::string_view(bytes).substr(outcome.used, step));
    }
    outcome.stage = reader.stage();
    if (outcome.stage == Stage::Refused) outcome.status = reader.refusal().status;
    if (outcome.stage == Stage::Complete) outcome.body = reader.take().body;
    return outcome;
}

std::string chunked(std::string_view body, std::string_view path = "/") {
    return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
}

std::string sized(std::string_view length, std::string_view body, std::string_view path = "/") {
    return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::string(length) + "\r\n\r\n" + std::string(body);
}

}  // namespace

class RequestReaderTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RequestReaderTest);
    CPPUNIT_TEST(readsBodiesInEverySplit);
    CPPUNIT_TEST(row49TakesAMissingLengthForAnEmptyBody);
    CPPUNIT_TEST(row50RefusesALargeBodyBeforeItComes);
    CPPUNIT_TEST(countsTheBytesOfChunks);
    CPPUNIT_TEST(row46RefusesMalformedChunks);
    CPPUNIT_TEST(dropsTrailersAndExtensions);
    CPPUNIT_TEST(refusesEndlessChunkLinesAndTrailers);
    CPPUNIT_TEST(leavesTheNextRequestAlone);
    CPPUNIT_TEST(fillsTheRequest);
    CPPUNIT_TEST(invitesTheBodyOnce);
    CPPUNIT_TEST_SUITE_END();

    static void everySplit(const std::string& bytes, Stage stage, const std::string& body, int status = 0) {
        for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{31}, bytes.size()}) {
            const Outcome outcome = readBy(bytes, step);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(bytes, static_cast<int>(stage), static_cast<int>(outcome.stage));
            CPPUNIT_ASSERT_EQUAL_MESSAGE(bytes, status, outcome.status);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(bytes, body, outcome.body);
        }
    }

public:
    void readsBodiesInEverySplit() {
        everySplit(sized("5", "hello"), Stage::Complete, "hello");
        everySplit(sized("0", ""), Stage::Complete, "");
        everySplit(sized("000005", "hello"), Stage::Complete, "hello");
        everySplit(chunked("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"), Stage::Complete, "hello!");
        everySplit(chunked("0\r\n\r\n"), Stage::Complete, "");
        everySplit(chunked("A\r\n0123456789\r\n00\r\n\r\n"), Stage::Complete, "0123456789");
        everySplit(sized("6", "hello"), Stage::Body, "");
        everySplit(chunked("5\r\nhel"), Stage::Body, "");
    }

    void row49TakesAMissingLengthForAnEmptyBody() { everySplit("POST / HTTP/1.1\r\nHost: a\r\n\r\n", Stage::Complete, ""); }

    void row50RefusesALargeBodyBeforeItComes() {
        everySplit(sized("11", "", "/small"), Stage::Refused, "", 413);
        everySplit(sized("9999999999999999999", ""), Stage::Refused, "", 413);
        everySplit(sized("10", "0123456789", "/small"), Stage::Complete, "0123456789");
    }

    void countsTheBytesOfChunks() {
        everySplit(chunked("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", "/small"), Stage::Complete, "helloworld");
        everySplit(chunked("5\r\nhello\r\n6\r\nworld!\r\n0\r\n\r\n", "/small"), Stage::Refused, "", 413);
        everySplit(chunked("FFFFFFFFFFFFFFFF\r\n", "/small"), Stage::Refused, "", 413);
    }

    void row46RefusesMalformedChunks() {
        for (const std::string body :
             {"5;a\nb\r\nhello\r\n0\r\n\r\n", "x\r\n", "-1\r\n\r\n", "+5\r\nhello\r\n", "0x5\r\nhello\r\n", " 5\r\nhello\r\n",
              "5\nhello\r\n0\r\n\r\n", "10000000000000000\r\n", "5\r\nhelloX\r\n0\r\n\r\n", "5 5\r\nhello\r\n0\r\n\r\n",
              "5;\"\x01\"\r\nhello\r\n0\r\n\r\n", "\r\n\r\n", "5\rhello\r\n", "1\r\na\r\n4\r\nbc\r\n0\r\n\n", "5\r\nhello0\r\n"}) {
            everySplit(chunked(body), Stage::Refused, "", 400);
        }
    }

    void dropsTrailersAndExtensions() {
        everySplit(chunked("5;a=\"\\\"\\\\\"\r\nhello\r\n0\r\n\r\n"), Stage::Complete, "hello");
        everySplit(chunked("5;a=\"\r\nhello\r\n0;b=\"\r\n\r\n"), Stage::Refused, "", 400);
        const std::string bytes = chunked("5;name=\"v\"\r\nhello\r\n0;x\r\nAuthorization: evil\r\nX-More: y\r\n\r\n");
        everySplit(bytes, Stage::Complete, "hello");
        RequestReader reader(limits());
        CPPUNIT_ASSERT_EQUAL(bytes.size(), reader.feed(bytes));
        const Request request = reader.take();
        CPPUNIT_ASSERT(request.headers.find("Authorization") == nullptr);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, request.headers.all().size());
        // A trailer may not reframe the message either.
        everySplit(chunked("0\r\nContent-Length: 5\r\n\r\n"), Stage::Refused, "", 400);
        everySplit(chunked("0\r\nno colon\r\n\r\n"), Stage::Refused, "", 400);
    }

    void refusesEndlessChunkLinesAndTrailers() {
        everySplit(chunked("5;" + std::string(4000, 'a')), Stage::Refused, "", 400);
        // Complete or not when it comes: a line has 512 bytes with its end, the trailers 8 KiB.
        everySplit(chunked("5;" + std::string(508, 'a') + "\r\nhello\r\n0\r\n\r\n"), Stage::Complete, "hello");
        everySplit(chunked("5;" + std::string(512, 'a') + "\r\nhello\r\n0\r\n\r\n"), Stage::Refused, "", 400);
        everySplit(chunked("0\r\nX: " + std::string(8192 - 7, 'a') + "\r\n\r\n"), Stage::Complete, "");
        everySplit(chunked("0\r\nX: " + std::string(8192 - 6, 'a') + "\r\n\r\n"), Stage::Refused, "", 431);
        everySplit(chunked("00000000000000005\r\nhello\r\n0\r\n\r\n"), Stage::Refused, "", 400);
        everySplit(chunked("0\r\nX: " + std::string(20'000, 'a')), Stage::Refused, "", 431);
    }

    void leavesTheNextRequestAlone() {
        const std::string first = chunked("5\r\nhello\r\n0\r\n\r\n");
        for (const std::size_t step : {std::size_t{1}, std::size_t{5}, std::size_t{1000}}) {
            CPPUNIT_ASSERT_EQUAL(first.size(), readBy(first + "GET /next HTTP/1.1\r\n", step).used);
        }
        const std::string second = sized("5", "hello");
        CPPUNIT_ASSERT_EQUAL(second.size(), readBy(second + "hello", 1000).used);
    }

    void fillsTheRequest() {
        RequestReader reader(limits());
        (void)reader.feed("PUT /a%2fb?c=d%20e HTTP/1.1\r\nHost: a\r\nX-One:  padded \t\r\nx-one: again\r\nContent-Length: 1\r\n\r\nz");
        CPPUNIT_ASSERT(reader.stage() == Stage::Complete);
        CPPUNIT_ASSERT(reader.keepAlive());
        const Request request = reader.take();
        CPPUNIT_ASSERT(request.method == Method::Put);
        CPPUNIT_ASSERT_EQUAL(std::string("/a%2fb"), request.path);
        CPPUNIT_ASSERT_EQUAL(std::string("c=d%20e"), request.query);
        CPPUNIT_ASSERT_EQUAL(std::string("/a%2fb?c=d%20e"), request.target);
        CPPUNIT_ASSERT_EQUAL(std::string("padded"), *request.headers.find("X-ONE"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, request.headers.count("X-One"));
        CPPUNIT_ASSERT_EQUAL(std::string("z"), request.body);
    }

    void invitesTheBodyOnce() {
        RequestReader reader(limits());
        (void)reader.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
        CPPUNIT_ASSERT(reader.stage() == Stage::Body);
        CPPUNIT_ASSERT(reader.takeContinue());
        CPPUNIT_ASSERT(!reader.takeContinue());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RequestReaderTest);

}  // namespace agentidp::http
