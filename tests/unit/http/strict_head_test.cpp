/// The strict pass over a request head, row by row of what it must take and refuse, whole and byte by byte.
#include <cppunit/extensions/HelperMacros.h>

#include "http/strict_head.h"

namespace agentidp::http {
namespace {

struct Case {
    std::string_view name;
    std::string head;
    int status;  ///< 0 = taken
};

std::string get(std::string_view fields) { return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n"; }
std::string line(std::string_view requestLine) { return std::string(requestLine) + "\r\nHost: a\r\n\r\n"; }

std::string manyFields(int count) {
    std::string fields;
    for (int i = 0; i < count; ++i) fields += "X-" + std::to_string(i) + ": v\r\n";
    return fields;
}

int statusOf(const HeadOutcome& outcome) {
    if (std::holds_alternative<NeedMore>(outcome)) return -1;
    if (const auto* refusal = std::get_if<Refusal>(&outcome)) return refusal->status;
    return 0;
}

int whole(const std::string& head) {
    const HeadLimits limits;
    return statusOf(StrictHead(limits).scan(head));
}

int inPieces(const std::string& head) {
    const HeadLimits limits;
    StrictHead strict(limits);
    for (std::size_t size = 1; size <= head.size(); ++size) {
        const int status = statusOf(strict.scan(std::string_view(head).substr(0, size)));
        if (status != -1) return status;
    }
    return -1;
}

const std::vector<Case>& cases() {
    static const std::vector<Case> kCases = {
        {"plain GET", get(""), 0},
        {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 0},
        {"every method", line("OPTIONS /x?y=/z HTTP/1.1"), 0},
        {"method nobody serves", line("BREW /pot HTTP/1.1"), 0},
        {"Host with port", "GET / HTTP/1.1\r\nHost: id.example:8443\r\n\r\n", 0},
        {"Host IPv6", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", 0},
        {"obs-text in a value", get("X: \xc3\xa9\r\n"), 0},
        {"tab in a value", get("X: a\tb\r\n"), 0},
        {"empty value", get("X:\r\n"), 0},
        {"Content-Length of 19 digits", get("Content-Length: 9999999999999999999\r\n"), 0},
        {"chunked in any case", get("Transfer-Encoding: ChunKed\r\n"), 0},
        {"99 more fields", get(manyFields(99)), 0},
        {"value of 8 KiB", get("X: " + std::string(8192, 'v') + "\r\n"), 0},
        {"target of 8 KiB", line("GET /" + std::string(8191, 't') + " HTTP/1.1"), 0},
        {"row 44 both lengths", get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
        {"row 44 the other way round", get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
        {"row 45 twice", get("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
        {"row 45 list", get("Content-Length: 5, 5\r\n"), 400},
        {"row 45 plus", get("Content-Length: +5\r\n"), 400},
        {"row 45 minus", get("Content-Length: -1\r\n"), 400},
        {"row 45 letters", get("Content-Length: 5abc\r\n"), 400},
        {"row 45 2^64", get("Content-Length: 18446744073709551616\r\n"), 400},
        {"row 45 empty", get("Content-Length:\r\n"), 400},
        {"row 45 hex", get("Content-Length: 0x5\r\n"), 400},
        {"row 46 gzip, chunked", get("Transfer-Encoding: gzip, chunked\r\n"), 501},
        {"row 46 twice", get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
        {"row 46 chunked, chunked", get("Transfer-Encoding: chunked, chunked\r\n"), 501},
        {"row 46 xchunked with a length", get("Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n"), 501},
        {"row 46 space before the colon", get("Transfer-Encoding : chunked\r\n"), 400},
        {"row 46 identity", get("Transfer-Encoding: identity\r\n"), 501},
        {"row 46 empty coding", get("Transfer-Encoding:\r\n"), 501},
        {"row 46 in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"row 46 vertical tab", get("Transfer-Encoding: \vchunked\r\n"), 400},
        {"row 47 obs-fold", get("X: a\r\n b\r\n"), 400},
        {"row 47 fold right after the request line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
        {"row 47 bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400},
        {"row 47 bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
        {"row 47 bare LF as the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
        {"row 47 NUL in a value", get(std::string("X: a\0b\r\n", 8)), 400},
        {"row 47 CR in a value", get("X: a\rb\r\n"), 400},
        {"row 47 no colon", get("NoColon\r\n"), 400},
        {"row 47 no name", get(": v\r\n"), 400},
        {"row 47 space in a name", get("X Y: v\r\n"), 400},
        {"row 47 high byte in a name", get("X\xe9: v\r\n"), 400},
        {"row 47 DEL in a value", get("X: \x7f\r\n"), 400},
        {"row 47 empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"row 48 no Host", "GET / HTTP/1.1\r\n\r\n", 400},
        {"row 48 two Hosts", get("Host: b\r\n"), 400},
        {"row 48 empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
        {"row 48 Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        {"row 48 Host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
        {"row 48 Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
        {"row 48 Host with a wild port", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400},
        {"row 48 Host with an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
        {"row 48 two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        {"row 50 101 fields", get(manyFields(100)), 431},
        {"row 50 value of 9 KB", get("X: " + std::string(9000, 'v') + "\r\n"), 431},
        {"row 50 long name", get(std::string(257, 'n') + ": v\r\n"), 431},
        {"row 50 field without an end", get("X: " + std::string(100'000, 'v')), 431},
        {"row 50 head over 64 KiB",
         [] {
             std::string fields;
             for (int i = 0; i < 10; ++i) fields += "X: " + std::string(7000, 'v') + "\r\n";
             return get(fields);
         }(),
         431},
        {"row 50 target of 100 KB", line("GET /" + std::string(100'000, 't') + " HTTP/1.1"), 414},
        {"row 50 target over 8 KiB", line("GET /" + std::string(8192, 't') + " HTTP/1.1"), 414},
        {"row 52 TRACE", line("TRACE / HTTP/1.1"), 501},
        {"row 52 CONNECT", line("CONNECT a:443 HTTP/1.1"), 501},
        {"row 52 gEt", line("gEt / HTTP/1.1"), 501},
        {"row 52 HTTP/9.9", line("GET / HTTP/9.9"), 505},
        {"row 52 HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"row 52 HTTP/1.2", line("GET / HTTP/1.2"), 505},
        {"HTTP/0.9", "GET /\r\n\r\n", 400},
        {"version in lower case", line("GET / http/1.1"), 400},
        {"version with three digits", line("GET / HTTP/1.10"), 400},
        {"two spaces", line("GET  / HTTP/1.1"), 400},
        {"space at the end", line("GET / HTTP/1.1 "), 400},
        {"tab for a space", line("GET\t/ HTTP/1.1"), 400},
        {"absolute target", line("GET http://a/ HTTP/1.1"), 400},
        {"asterisk", line("OPTIONS * HTTP/1.1"), 400},
        {"fragment", line("GET /a#b HTTP/1.1"), 400},
        {"high byte in the target", line("GET /\xc3\xa9 HTTP/1.1"), 400},
        {"control character in the target", line("GET /\x01 HTTP/1.1"), 400},
        {"a method that never ends", std::string(40, 'A'), 501},
        {"TLS hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01", 8), 400},
        {"unknown expectation", get("Expect: a-pony\r\n"), 417},
    };
    return kCases;
}

}  // namespace

class StrictHeadTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(StrictHeadTest);
    CPPUNIT_TEST(rows44To52JudgesEveryHeadAsTheTableSays);
    CPPUNIT_TEST(judgesTheSameByteByByte);
    CPPUNIT_TEST(statesTheFactsOfAHead);
    CPPUNIT_TEST(keepsTheConnectionAsAsked);
    CPPUNIT_TEST(leavesWhatFollowsTheHead);
    CPPUNIT_TEST_SUITE_END();

    static HeadFacts factsOf(const std::string& head) {
        static const HeadLimits kLimits;
        const auto outcome = StrictHead(kLimits).scan(head);
        CPPUNIT_ASSERT(std::holds_alternative<HeadFacts>(outcome));
        return std::get<HeadFacts>(outcome);
    }

public:
    void rows44To52JudgesEveryHeadAsTheTableSays() {
        for (const auto& row : cases()) CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(row.name), row.status, whole(row.head));
    }

    void judgesTheSameByteByByte() {
        for (const auto& row : cases()) CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(row.name), row.status, inPieces(row.head));
    }

    void statesTheFactsOfAHead() {
        const std::string head =
            "POST /api/v1/token?x=1&y=%2f HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\nExpect: 100-Continue\r\nX: y\r\n\r\n";
        const HeadFacts facts = factsOf(head);
        CPPUNIT_ASSERT(facts.method == Method::Post);
        CPPUNIT_ASSERT(facts.methodText == "POST");
        CPPUNIT_ASSERT(facts.target == "/api/v1/token?x=1&y=%2f");
        CPPUNIT_ASSERT(facts.path == "/api/v1/token");
        CPPUNIT_ASSERT(facts.query == "x=1&y=%2f");
        CPPUNIT_ASSERT(facts.contentLength == 7U);
        CPPUNIT_ASSERT(!facts.chunked && facts.expectsContinue && !facts.http10);
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, facts.fields);
        CPPUNIT_ASSERT_EQUAL(head.size(), facts.size);
    }

    void keepsTheConnectionAsAsked() {
        CPPUNIT_ASSERT(factsOf(get("")).keepAlive);
        CPPUNIT_ASSERT(!factsOf(get("Connection: x, Close\r\n")).keepAlive);
        CPPUNIT_ASSERT(!factsOf(get("Connection: keep-alive\r\nConnection: close\r\n")).keepAlive);
        CPPUNIT_ASSERT(!factsOf("GET / HTTP/1.0\r\n\r\n").keepAlive);
        CPPUNIT_ASSERT(factsOf("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keepAlive);
        CPPUNIT_ASSERT(!factsOf("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expectsContinue);
    }

    void leavesWhatFollowsTheHead() {
        const std::string head = get("");
        CPPUNIT_ASSERT_EQUAL(head.size(), factsOf(head + "GET /next HTTP/9.9\r\n").size);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(StrictHeadTest);

}  // namespace agentidp::http
