#include "sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <ctime>

#include "keystore/public_key.h"

namespace agentidp::keys_awskms {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string hex(std::string_view bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out.push_back(kDigits[byte >> 4U]);
        out.push_back(kDigits[byte & 15U]);
    }
    return out;
}

bool hmac(std::string_view key, std::string_view data, aip::Secret& out) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    unsigned size = 0;
    const bool done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(data.data()),
                           data.size(), digest, &size) != nullptr;
    out = aip::Secret(std::string_view(reinterpret_cast<const char*>(digest), size));
    aip::wipe(digest, sizeof digest);
    return done;
}

}  // namespace

std::string amzDate(std::int64_t wallUs) {
    const auto seconds = static_cast<std::time_t>(wallUs / 1'000'000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[20];
    std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
    return text;
}

aip::Outcome<std::string> authorization(const Signable& request, const Scope& scope, const AccessKey& key) {
    auto headers = request.headers;
    std::sort(headers.begin(), headers.end());
    std::string lines, names;
    for (const auto& [name, value] : headers) {
        lines += name + ":" + value + "\n";
        names += (names.empty() ? "" : ";") + name;
    }
    const std::string canonical =
        request.method + "\n" + request.path + "\n\n" + lines + "\n" + names + "\n" + hex(keystore::sha256(request.body));
    const std::string date = scope.time.substr(0, 8);
    const std::string place = date + "/" + scope.region + "/" + scope.service + "/aws4_request";
    const std::string toSign = std::string(kAlgorithm) + "\n" + scope.time + "\n" + place + "\n" + hex(keystore::sha256(canonical));

    aip::Secret derived(std::string_view("AWS4"));
    derived.append(key.secret.view().data(), key.secret.size());
    for (const std::string_view part : {std::string_view(date), std::string_view(scope.region), std::string_view(scope.service),
                                        std::string_view("aws4_request"), std::string_view(toSign)}) {
        aip::Secret next;
        if (!hmac(derived.view(), part, next)) return aip::internal("OpenSSL has no HMAC");
        derived = std::move(next);
    }
    return std::string(kAlgorithm) + " Credential=" + key.id + "/" + place + ", SignedHeaders=" + names +
           ", Signature=" + hex(derived.view());
}

}  // namespace agentidp::keys_awskms
