#include "reply.h"

#include <charconv>

namespace agentidp::ratelimit_redis {
namespace {

/// RESP2: an optional minus, digits, nothing else.
bool readNumber(std::string_view text, std::int64_t& into) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

ReplyReader::Got ReplyReader::next(Reply& into) {
    std::size_t at = begin_;
    into = Reply();
    const Got got = parse(at, into, 1);
    if (got == Got::More && buffer_.size() - begin_ > kMaxReply) return Got::Broken;
    if (got != Got::Reply) return got;
    if (at - begin_ > kMaxReply) return Got::Broken;
    begin_ = at;
    if (begin_ == buffer_.size()) {
        buffer_.clear();
        begin_ = 0;
    } else if (begin_ > kMaxReply) {
        buffer_.erase(0, begin_);
        begin_ = 0;
    }
    return got;
}

/// What stands before the next CRLF; `at` moves behind it.
ReplyReader::Got ReplyReader::line(std::size_t& at, std::string_view& into) const {
    const auto end = buffer_.find('\r', at);
    if (end == std::string::npos || end + 1 == buffer_.size()) return buffer_.size() - at > kMaxReply ? Got::Broken : Got::More;
    if (buffer_[end + 1] != '\n') return Got::Broken;
    into = std::string_view(buffer_).substr(at, end - at);
    at = end + 2;
    return Got::Reply;
}

ReplyReader::Got ReplyReader::parse(std::size_t& at, Reply& into, int depth) const {
    if (at >= buffer_.size()) return Got::More;
    const char marker = buffer_[at++];
    std::string_view head;
    if (std::string_view("+-:$*").find(marker) == std::string_view::npos || depth > kMaxDepth) return Got::Broken;
    if (const Got got = line(at, head); got != Got::Reply) return got;
    if (marker == '+' || marker == '-') {
        into.kind = marker == '+' ? Reply::Kind::Simple : Reply::Kind::Error;
        into.text = head;
        return Got::Reply;
    }
    std::int64_t number = 0;
    if (!readNumber(head, number)) return Got::Broken;
    if (marker == ':') {
        into.kind = Reply::Kind::Integer;
        into.number = number;
        return Got::Reply;
    }
    into.kind = Reply::Kind::Null;
    if (number == -1) return Got::Reply;
    const auto most = static_cast<std::int64_t>(marker == '$' ? kMaxReply : kMaxItems);
    if (number < 0 || number > most) return Got::Broken;
    const auto size = static_cast<std::size_t>(number);
    if (marker == '$') {
        if (buffer_.size() - at < size + 2) return Got::More;
        if (buffer_[at + size] != '\r' || buffer_[at + size + 1] != '\n') return Got::Broken;
        into.kind = Reply::Kind::Bulk;
        into.text = buffer_.substr(at, size);
        at += size + 2;
        return Got::Reply;
    }
    into.kind = Reply::Kind::Array;
    into.items.reserve(size);
    for (std::size_t i = 0; i < size; ++i) {
        Reply item;
        if (const Got got = parse(at, item, depth + 1); got != Got::Reply) return got;
        into.items.push_back(std::move(item));
    }
    return Got::Reply;
}

}  // namespace agentidp::ratelimit_redis
