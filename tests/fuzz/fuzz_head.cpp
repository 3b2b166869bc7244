/// Any bytes into the request reader: what is taken must be framed beyond doubt. The first byte chooses the split.
#include "request_verdict.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp::fuzz;
    if (size < 2) return 0;
    const auto whole = judgeWholeAndSplit(textOf(data + 1, size - 1), 1U + data[0] % 64U);
    if (whole.stage != RequestVerdict::Stage::Complete) return 0;
    const auto& headers = whole.request.headers;
    const auto lengths = headers.count("Content-Length");
    const auto codings = headers.count("Transfer-Encoding");
    require(lengths + codings <= 1 && headers.count("Host") <= 1);
    require(lengths == 0 || std::strtoull(headers.find("Content-Length")->c_str(), nullptr, 10) == whole.request.body.size());
    require(lengths + codings == 1 || whole.request.body.empty());
    require(whole.request.body.size() <= kBodyMost && whole.request.path.starts_with('/'));
    return 0;
}
