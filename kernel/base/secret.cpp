#include "base/secret.h"

#include <cstring>

namespace agentidp::base {

void wipe(void* data, std::size_t size) {
    if (data != nullptr && size != 0) explicit_bzero(data, size);
}

bool equalConstantTime(BytesView left, BytesView right) {
    if (left.size() != right.size()) return false;
    volatile std::uint8_t difference = 0;
    for (std::size_t i = 0; i < left.size(); ++i) difference = static_cast<std::uint8_t>(difference | (left[i] ^ right[i]));
    return difference == 0;
}

Secret Secret::fromText(std::string&& text) {
    const auto view = bytesOf(text);
    Secret secret(Bytes(view.begin(), view.end()));
    wipe(text.data(), text.size());
    text.clear();
    return secret;
}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe(bytes_.data(), bytes_.size());
        bytes_ = std::move(other.bytes_);
        other.bytes_.clear();
    }
    return *this;
}

Secret::~Secret() { wipe(bytes_.data(), bytes_.size()); }

}  // namespace agentidp::base
