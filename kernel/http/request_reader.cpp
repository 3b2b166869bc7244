#include "http/request_reader.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace agentidp::http {
namespace {

namespace beast = boost::beast;
using ErrorCode = beast::error_code;

constexpr std::size_t kDefaultBody = 1U << 20U;
constexpr std::size_t kReserveBody = 64U << 10U;

}  // namespace

// Beast's parser tells this object what it reads; nothing is stored twice.
class RequestReader::Parser final : public beast::http::basic_parser<true> {
public:
    Parser(Request& request, std::size_t bodyLimit) : request_(request) {
        eager(true);
        header_limit(static_cast<std::uint32_t>(-1));
        body_limit(bodyLimit);
    }
    [[nodiscard]] bool headDone() const { return headDone_; }

private:
    void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int, ErrorCode&) override {}
    void on_response_impl(int, beast::string_view, int, ErrorCode&) override {}
    void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value, ErrorCode&) override {
        if (!headDone_) request_.headers.add({name.data(), name.size()}, {value.data(), value.size()});
    }
    void on_header_impl(ErrorCode&) override { headDone_ = true; }
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCode&) override {
        if (length) request_.body.reserve(std::min<std::uint64_t>(*length, kReserveBody));
    }
    std::size_t on_body_impl(beast::string_view body, ErrorCode&) override {
        request_.body.append(body.data(), body.size());
        return body.size();
    }
    void on_chunk_header_impl(std::uint64_t, beast::string_view, ErrorCode&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, ErrorCode&) override {
        request_.body.append(body.data(), body.size());
        return body.size();
    }
    void on_finish_impl(ErrorCode&) override {}

    Request& request_;
    bool headDone_ = false;
};

RequestReader::RequestReader(const ReaderLimits& limits) : limits_(&limits), head_(limits.head) {}
RequestReader::~RequestReader() = default;

bool RequestReader::takeContinue() { return std::exchange(expectsContinue_, false); }

void RequestReader::refuse(Refusal refusal) {
    stage_ = Stage::Refused;
    refusal_ = refusal;
    keepAlive_ = false;
    held_ = {};
}

std::size_t RequestReader::feed(std::string_view bytes) {
    begun_ = begun_ || !bytes.empty();
    std::size_t used = 0;
    if (stage_ == Stage::Head) used = feedHead(bytes);
    if (stage_ == Stage::Body && used < bytes.size()) used += feedBody(bytes.substr(used));
    return used;
}

std::size_t RequestReader::feedHead(std::string_view bytes) {
    const std::size_t before = held_.size();
    if (before > 0) held_.append(bytes);
    const std::string_view all = before > 0 ? std::string_view(held_) : bytes;
    const HeadOutcome outcome = head_.scan(all);
    if (std::holds_alternative<NeedMore>(outcome)) {
        if (before == 0) held_.assign(bytes);
        return bytes.size();
    }
    if (const auto* refusal = std::get_if<Refusal>(&outcome)) {
        const std::string_view target = head_.target(all);
        request_.target = target;
        request_.path = target.substr(0, target.find('?'));
        refuse(*refusal);
        return bytes.size();
    }
    const HeadFacts& facts = std::get<HeadFacts>(outcome);
    const std::size_t used = facts.size - before;
    accept(facts, all.substr(0, facts.size));
    held_ = {};
    return used;
}

void RequestReader::accept(const HeadFacts& facts, std::string_view head) {
    request_.method = facts.method;
    request_.methodText = facts.methodText;
    request_.target = facts.target;
    request_.path = facts.path;
    request_.query = facts.query;
    request_.headers.reserve(facts.fields);
    keepAlive_ = facts.keepAlive;
    http10_ = facts.http10;
    const std::size_t limit = limits_->body ? limits_->body(facts.method, facts.path) : kDefaultBody;
    if (facts.contentLength.value_or(0) > limit) return refuse({413, "the body is too large"});

    parser_ = std::make_unique<Parser>(request_, limit);
    ErrorCode ec;
    const std::size_t used = parser_->put(boost::asio::const_buffer(head.data(), head.size()), ec);
    const bool agreed = !ec && used == head.size() && parser_->headDone() && parser_->chunked() == facts.chunked &&
                        parser_->is_done() == (!facts.chunked && facts.contentLength.value_or(0) == 0) &&
                        request_.headers.all().size() == facts.fields;
    if (!agreed) return refuse({400, "the request head is malformed"});
    if (parser_->is_done()) {
        stage_ = Stage::Complete;
        parser_.reset();
        return;
    }
    stage_ = Stage::Body;
    if (facts.chunked) chunks_.emplace(limit);
    expectsContinue_ = facts.expectsContinue;
}

std::size_t RequestReader::feedBody(std::string_view bytes) {
    if (chunks_) return feedChunks(bytes);
    ErrorCode ec;
    const std::size_t used = parser_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
    if (ec && ec != beast::http::error::need_more) {
        refuse({400, "the body is malformed"});
        return bytes.size();
    }
    if (!parser_->is_done()) return bytes.size();
    stage_ = Stage::Complete;
    parser_.reset();
    return used;
}

std::size_t RequestReader::feedChunks(std::string_view bytes) {
    const auto seen = chunks_->scan(bytes);
    const std::size_t before = held_.size();
    if (before > 0) held_.append(bytes.substr(0, seen.good));
    const std::string_view all = before > 0 ? std::string_view(held_) : bytes.substr(0, seen.good);
    // Beast sees the last chunk only with all of its trailers, so that it judges them once.
    const std::size_t ripe = chunks_->done() ? all.size() : all.size() - chunks_->last();
    ErrorCode ec;
    const std::size_t used = ripe > 0 ? parser_->put(boost::asio::const_buffer(all.data(), ripe), ec) : 0;
    if (ec && ec != beast::http::error::need_more) {
        refuse({400, "the body is malformed"});
        return bytes.size();
    }
    if (seen.refusal) {
        refuse(*seen.refusal);
        return bytes.size();
    }
    if (!chunks_->done()) {
        held_ = all.substr(used);
        return bytes.size();
    }
    if (!parser_->is_done() || used != all.size()) {
        refuse({400, "the body is malformed"});
        return bytes.size();
    }
    stage_ = Stage::Complete;
    held_ = {};
    parser_.reset();
    return seen.good;
}

}  // namespace agentidp::http
