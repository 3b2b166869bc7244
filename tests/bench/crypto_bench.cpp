/// What the cryptography of one token costs, and what the caches in front of it save: nanoseconds an operation, the median of
/// eleven rounds. Compare lines of one run only. Not a test: nothing here can fail.
#include <openssl/evp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "crypto/hash.h"
#include "crypto/key.h"
#include "jose/jws.h"
#include "keys/published.h"

namespace {

using namespace agentidp;
using crypto::Algorithm;

volatile std::uint8_t sink;

double medianNs(int times, const std::function<void()>& work) {
    std::vector<double> rounds;
    for (int round = 0; round < 11; ++round) {
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < times; ++i) work();
        rounds.push_back(std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() / times);
    }
    std::nth_element(rounds.begin(), rounds.begin() + 5, rounds.end());
    return rounds[5];
}

void line(const char* what, int times, const std::function<void()>& work) { std::printf("%-58s %10.0f ns\n", what, medianNs(times, work)); }

/// The way without caches: everything looked up and set up for each signature.
void signUncached(EVP_PKEY* key, base::BytesView data) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key);
    std::array<unsigned char, 80> signature{};
    std::size_t size = signature.size();
    EVP_DigestSign(context, signature.data(), &size, data.data(), data.size());
    EVP_MD_CTX_free(context);
    sink = signature[8];
}

struct Snapshot {
    int number = 7;
};

template <class Read>
void readersLine(const char* what, Read read) {
    constexpr int kReads = 200'000;
    line(what, 1, [&] {
        std::vector<std::thread> threads;
        for (int t = 0; t < 2; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i < kReads; ++i) sink = static_cast<std::uint8_t>(read());
            });
        for (auto& thread : threads) thread.join();
    });
}

void signatures() {
    const std::string input(400, 'x');
    const auto data = base::bytesOf(input);
    const auto ec = crypto::PrivateKey::generate(Algorithm::Es256).value();
    EVP_PKEY* raw = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
    line("ES256 sign, new digest context each (ordinary heap)", 500, [&] { signUncached(raw, data); });
    line("ES256 sign, context kept with the key", 500, [&] { sink = ec.sign(Algorithm::Es256, data).value()[0]; });
    EVP_PKEY_free(raw);
    const auto ecSignature = ec.sign(Algorithm::Es256, data).value();
    line("ES256 verify", 200, [&] { sink = ec.publicKey().verify(Algorithm::Es256, data, ecSignature); });
    const auto ed = crypto::PrivateKey::generate(Algorithm::EdDsa).value();
    const auto edSignature = ed.sign(Algorithm::EdDsa, data).value();
    line("EdDSA sign", 300, [&] { sink = ed.sign(Algorithm::EdDsa, data).value()[0]; });
    line("EdDSA verify", 200, [&] { sink = ed.publicKey().verify(Algorithm::EdDsa, data, edSignature); });
    const auto rsa = crypto::PrivateKey::generate(Algorithm::Rs256).value();
    const auto rsaSignature = rsa.sign(Algorithm::Rs256, data).value();
    line("RS256 (2048) sign", 30, [&] { sink = rsa.sign(Algorithm::Rs256, data).value()[0]; });
    line("RS256 (2048) verify", 300, [&] { sink = rsa.publicKey().verify(Algorithm::Rs256, data, rsaSignature); });
    const jose::VerificationKey key{model::KeyId("k"), Algorithm::Es256, ec.publicKey()};
    const auto header = jose::headerSegment(Algorithm::Es256, key.kid, "at+jwt");
    std::string token = jose::signingInput(header, R"({"iss":"https://id.example","sub":"a"})");
    jose::appendSignature(token, ec.sign(Algorithm::Es256, base::bytesOf(token)).value());
    line("JWS parse (no signature)", 2000, [&] { sink = jose::parseJws(token).value().signature[0]; });
    line("JWS parse and verify ES256", 200, [&] { sink = jose::verifyJws(token, key).value().signature[0]; });
}

void hashes() {
    const std::string input(200, 'x');
    const auto data = base::bytesOf(input);
    line("SHA-256 of 200 bytes, thread's context", 20000, [&] { sink = crypto::sha256(data)[0]; });
    line("SHA-256 of 200 bytes, EVP_Digest one-shot", 20000, [&] {
        std::array<unsigned char, 32> out{};
        EVP_Digest(data.data(), data.size(), out.data(), nullptr, EVP_sha256(), nullptr);
        sink = out[0];
    });
    const std::string secret = "sk_live_" + std::string(43, 'x');
    const crypto::HmacSha256 pepper(base::Bytes(32, 7));
    line("HMAC-SHA-256 of a client secret, keyed context copied", 20000, [&] { sink = pepper.mac(base::bytesOf(secret))[0]; });
    line("HMAC-SHA-256 of a client secret, keyed each time", 20000,
         [&] { sink = crypto::HmacSha256(base::Bytes(32, 7)).mac(base::bytesOf(secret))[0]; });
}

void snapshots() {
    const auto value = std::make_shared<const Snapshot>();
    const keys::Published<Snapshot> published(value);
    std::shared_ptr<const Snapshot> plain = value;
    std::mutex mutex;
    line("snapshot: keys::Published, one reader", 200'000, [&] { sink = static_cast<std::uint8_t>(published.get()->number); });
    line("snapshot: std::atomic_load(shared_ptr), one reader", 200'000,
         [&] { sink = static_cast<std::uint8_t>(std::atomic_load(&plain)->number); });
    line("snapshot: mutex and copy, one reader", 200'000, [&] {
        const std::lock_guard lock(mutex);
        sink = static_cast<std::uint8_t>(std::shared_ptr<const Snapshot>(plain)->number);
    });
    std::puts("200,000 reads by each of two threads at once, with their start:");
    readersLine("snapshot: keys::Published, two readers", [&] { return published.get()->number; });
    readersLine("snapshot: std::atomic_load(shared_ptr), two readers", [&] { return std::atomic_load(&plain)->number; });
    readersLine("snapshot: mutex and copy, two readers", [&] {
        const std::lock_guard lock(mutex);
        return std::shared_ptr<const Snapshot>(plain)->number;
    });
}

}  // namespace

int main() {
    signatures();
    hashes();
    snapshots();
}
