/// Any bytes into the request reader: the verdict may not depend on how the bytes were split, and what is taken must be framed
/// beyond doubt. The first byte chooses the split.
#include <cstdint>
#include <cstdlib>

#include "http/request_reader.h"

namespace {

using agentidp::http::Request;
using agentidp::http::RequestReader;
using Stage = RequestReader::Stage;

struct Verdict {
    Stage stage = Stage::Head;
    int status = 0;
    std::size_t used = 0;
    Request request;
};

Verdict judge(std::string_view bytes, std::size_t step) {
    static const agentidp::http::ReaderLimits kLimits{.head = {}, .body = [](auto, auto) -> std::size_t { return 4096; }};
    RequestReader reader(kLimits);
    Verdict verdict;
    while (verdict.used < bytes.size() && (reader.stage() == Stage::Head || reader.stage() == Stage::Body)) {
        verdict.used += reader.feed(bytes.substr(verdict.used, step));
    }
    verdict.stage = reader.stage();
    if (verdict.stage == Stage::Refused) verdict.status = reader.refusal().status;
    if (verdict.stage == Stage::Complete) verdict.request = reader.take();
    return verdict;
}

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const Verdict whole = judge(bytes, bytes.size());
    const Verdict split = judge(bytes, 1U + data[0] % 64U);
    require(whole.stage == split.stage && whole.status == split.status);
    if (whole.stage != Stage::Complete) return 0;
    require(whole.used == split.used && whole.request.body == split.request.body);
    require(whole.request.headers.all().size() == split.request.headers.all().size());

    const auto& headers = whole.request.headers;
    const auto lengths = headers.count("Content-Length");
    const auto codings = headers.count("Transfer-Encoding");
    require(lengths + codings <= 1 && headers.count("Host") <= 1);
    require(lengths == 0 || std::strtoull(headers.find("Content-Length")->c_str(), nullptr, 10) == whole.request.body.size());
    require(lengths + codings == 1 || whole.request.body.empty());
    require(whole.request.body.size() <= 4096 && whole.request.path.starts_with('/'));
    return 0;
}
