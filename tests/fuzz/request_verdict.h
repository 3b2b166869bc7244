#pragma once
/// @file tests/fuzz/request_verdict.h
/// Bytes through the request reader in steps of one size, and what became of them.
#include "byte_input.h"
#include "http/request_reader.h"

namespace agentidp::fuzz {

inline constexpr std::size_t kBodyMost = 4096;

struct RequestVerdict {
    using Stage = http::RequestReader::Stage;
    Stage stage = Stage::Head;
    int status = 0;
    std::size_t used = 0;
    http::Request request;
};

inline RequestVerdict judgeRequest(std::string_view bytes, std::size_t step) {
    using Stage = RequestVerdict::Stage;
    static const http::ReaderLimits kLimits{.head = {}, .body = [](auto, auto) -> std::size_t { return kBodyMost; }};
    http::RequestReader reader(kLimits);
    RequestVerdict verdict;
    while (verdict.used < bytes.size() && (reader.stage() == Stage::Head || reader.stage() == Stage::Body))
        verdict.used += reader.feed(bytes.substr(verdict.used, step));
    verdict.stage = reader.stage();
    if (verdict.stage == Stage::Refused) verdict.status = reader.refusal().status;
    if (verdict.stage == Stage::Complete) verdict.request = reader.take();
    return verdict;
}

/// The verdict, which may not depend on how the bytes were split.
inline RequestVerdict judgeWholeAndSplit(std::string_view bytes, std::size_t step) {
    RequestVerdict whole = judgeRequest(bytes, bytes.size());
    const RequestVerdict split = judgeRequest(bytes, step);
    require(whole.stage == split.stage && whole.status == split.status);
    if (whole.stage == RequestVerdict::Stage::Complete) {
        require(whole.used == split.used && whole.request.body == split.request.body);
        require(whole.request.headers.all().size() == split.request.headers.all().size());
    }
    return whole;
}

}  // namespace agentidp::fuzz
