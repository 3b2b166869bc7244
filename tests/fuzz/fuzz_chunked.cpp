/// Any bytes as a chunked body (RFC 9112 section 7.1): trailers never become header fields, and a body never outgrows its limit.
/// The first byte chooses the split.
#include <string>

#include "request_verdict.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp::fuzz;
    if (size < 2) return 0;
    std::string bytes = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::size_t head = bytes.size();
    bytes += textOf(data + 1, size - 1);
    const auto whole = judgeWholeAndSplit(bytes, 1U + data[0] % 64U);
    if (whole.stage != RequestVerdict::Stage::Complete) return 0;
    require(whole.request.headers.all().size() == 2 && whole.request.body.size() <= kBodyMost);
    // The shortest frame around a body is 3 + CRLF each side, and the last chunk.
    require(whole.used - head >= whole.request.body.size() + 5);
    return 0;
}
