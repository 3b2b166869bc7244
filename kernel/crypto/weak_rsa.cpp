#include "crypto/weak_rsa.h"

#include <vector>

namespace agentidp::crypto {
namespace {

// Keys of 2048 bits and more were made modulo the product of at least the first 126 primes, the last of which is 701.
constexpr std::uint32_t kLastPrime = 701;
constexpr std::uint32_t kGenerator = 65537;

bool isPrime(std::uint32_t number) {
    for (std::uint32_t divisor = 2; divisor * divisor <= number; ++divisor)
        if (number % divisor == 0) return false;
    return number > 1;
}

bool isPowerOfGenerator(std::uint32_t residue, std::uint32_t prime) {
    std::uint32_t power = 1;
    do {
        if (power == residue) return true;
        power = power * (kGenerator % prime) % prime;
    } while (power != 1);
    return false;
}

}  // namespace

bool isRocaModulus(base::BytesView modulus) {
    for (std::uint32_t prime = 3; prime <= kLastPrime; prime += 2) {
        if (!isPrime(prime)) continue;
        std::uint32_t residue = 0;
        for (const auto byte : modulus) residue = ((residue << 8U) | byte) % prime;
        if (!isPowerOfGenerator(residue, prime)) return false;
    }
    return true;
}

}  // namespace agentidp::crypto
