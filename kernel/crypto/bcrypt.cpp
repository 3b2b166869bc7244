#include "crypto/bcrypt.h"

#include <crypt.h>

#include <algorithm>
#include <memory>

#include "base/secret.h"
#include "base/text.h"

namespace agentidp::crypto {
namespace {

constexpr std::size_t kLength = 60;
constexpr std::size_t kLooksAt = 72;
constexpr std::string_view kAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

}  // namespace

bool isBcrypt(std::string_view hash) {
    if (hash.size() != kLength || hash.substr(0, 2) != "$2" || std::string_view("aby").find(hash[2]) == std::string_view::npos)
        return false;
    if (hash[3] != '$' || hash[6] != '$' || hash[4] < '0' || hash[4] > '9' || hash[5] < '0' || hash[5] > '9') return false;
    const int cost = (hash[4] - '0') * 10 + (hash[5] - '0');
    return cost >= 4 && cost <= kMostBcryptCost && hash.find_first_not_of(kAlphabet, 7) == std::string_view::npos;
}

base::Result<bool> bcryptMatches(std::string_view hash, base::BytesView secret) {
    if (!isBcrypt(hash)) return base::fail(base::Errc::Invalid, "a stored secret is no bcrypt hash of a cost up to 14");
    if (secret.size() > kLooksAt || std::find(secret.begin(), secret.end(), 0) != secret.end()) return false;
    std::string phrase(base::textOf(secret));
    const auto work = std::make_unique<crypt_data>();
    const char* made = ::crypt_r(phrase.c_str(), std::string(hash).c_str(), work.get());
    const bool same = made != nullptr && base::equalConstantTime(base::bytesOf(made), base::bytesOf(hash));
    base::wipe(phrase.data(), phrase.size());
    base::wipe(work.get(), sizeof *work);
    return same;
}

}  // namespace agentidp::crypto
