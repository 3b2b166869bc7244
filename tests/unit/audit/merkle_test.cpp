/// The tree against the recursive definition of RFC 9162 section 2.1 and against public vectors.
#include <cppunit/extensions/HelperMacros.h>

#include <bit>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "audit/merkle.h"
#include "base/json.h"
#include "base/text.h"
#include "support/skip.h"

using namespace agentidp;
using namespace agentidp::audit;

namespace {

std::uint64_t largestPowerBelow(std::uint64_t n) {
    std::uint64_t k = 1;
    while (k * 2 < n) k *= 2;
    return k;
}

/// The definitions as the RFC writes them, on all leaves; hashes of ranges are kept so that 2,000 sizes stay affordable.
class Naive {
public:
    explicit Naive(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) leaves.push_back(leafHash(base::bytesOf("entry " + std::to_string(i))));
    }
    Hash mth(std::uint64_t begin, std::uint64_t end) {
        if (begin == end) return emptyRoot();
        if (end - begin == 1) return leaves[begin];
        const auto known = ranges_.find({begin, end});
        if (known != ranges_.end()) return known->second;
        const auto k = largestPowerBelow(end - begin);
        const Hash hash = nodeHash(mth(begin, begin + k), mth(begin + k, end));
        ranges_.emplace(std::make_pair(begin, end), hash);
        return hash;
    }
    Proof path(std::uint64_t m, std::uint64_t begin, std::uint64_t end) {
        if (end - begin == 1) return {};
        const auto k = largestPowerBelow(end - begin);
        Proof proof;
        if (m < k) {
            proof = path(m, begin, begin + k);
            proof.push_back(mth(begin + k, end));
        } else {
            proof = path(m - k, begin + k, end);
            proof.push_back(mth(begin, begin + k));
        }
        return proof;
    }
    Proof subproof(std::uint64_t m, std::uint64_t begin, std::uint64_t end, bool whole) {
        if (m == end - begin) return whole ? Proof{} : Proof{mth(begin, end)};
        const auto k = largestPowerBelow(end - begin);
        Proof proof;
        if (m <= k) {
            proof = subproof(m, begin, begin + k, whole);
            proof.push_back(mth(begin + k, end));
        } else {
            proof = subproof(m - k, begin + k, end, false);
            proof.push_back(mth(begin, begin + k));
        }
        return proof;
    }
    std::vector<Hash> leaves;

private:
    std::map<std::pair<std::uint64_t, std::uint64_t>, Hash> ranges_;
};

class NaiveReader final : public HashReader {
public:
    explicit NaiveReader(Naive& tree) : tree_(tree) {}
    base::Result<Hash> node(unsigned level, std::uint64_t index) override { return tree_.mth(index << level, (index + 1) << level); }

private:
    Naive& tree_;
};

base::json::Value readVectors(const std::string& name) {
    std::ifstream file(tests::vectorsFolder() + "/merkle/" + name);
    std::stringstream text;
    text << file.rdbuf();
    auto parsed = base::json::parse(text.str(), {.bytes = 8U << 20U, .depth = 16});
    CPPUNIT_ASSERT_MESSAGE(name, parsed.ok());
    return *parsed;
}

std::optional<Hash> hashOf(const std::string& text) {
    const auto bytes = base::unbase64(text);
    return bytes ? toHash(*bytes) : std::nullopt;
}

std::optional<Proof> proofOf(const base::json::Value& vector) {
    Proof proof;
    const auto* items = vector.find("proof")->asArray();
    if (items == nullptr) return proof;
    for (const auto& item : *items) {
        const auto hash = hashOf(*item.asText());
        if (!hash) return std::nullopt;
        proof.push_back(*hash);
    }
    return proof;
}

/// Sizes past int64 stand in the vectors to be refused; as a double they arrive here.
std::uint64_t sizeOf(const base::json::Value& vector, std::string_view name) {
    const auto* number = vector.find(name);
    if (const auto* whole = number->asInt()) return static_cast<std::uint64_t>(*whole);
    return ~std::uint64_t{0};
}

}  // namespace

class MerkleTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(MerkleTest);
    CPPUNIT_TEST(frontierGivesTheRecursiveRootAtEverySizeTo2000);
    CPPUNIT_TEST(everyProofToSize300EqualsTheDefinitionAndVerifies);
    CPPUNIT_TEST(proofsOfEverySizeTo2000EqualTheDefinitionAndVerify);
    CPPUNIT_TEST(refusesEveryProofThatIsLongerShorterOrOfAnotherPlace);
    CPPUNIT_TEST(agreesWithPublicInclusionVectors);
    CPPUNIT_TEST(agreesWithPublicConsistencyVectors);
    CPPUNIT_TEST(frontierSurvivesItsOwnText);
    CPPUNIT_TEST_SUITE_END();

    void check(Naive& tree, NaiveReader& reader, std::uint64_t index, std::uint64_t size) {
        const Head head{size, tree.mth(0, size)};
        const auto proof = inclusionProof(reader, index, size);
        CPPUNIT_ASSERT(proof.ok());
        CPPUNIT_ASSERT(*proof == tree.path(index, 0, size));
        CPPUNIT_ASSERT(verifyInclusion(tree.leaves[index], index, head, *proof));
        const std::uint64_t from = index + 1;
        const auto growth = consistencyProof(reader, from, size);
        CPPUNIT_ASSERT(growth.ok());
        CPPUNIT_ASSERT(*growth == tree.subproof(from, 0, size, true));
        CPPUNIT_ASSERT(verifyConsistency({from, tree.mth(0, from)}, head, *growth));
    }

    void frontierGivesTheRecursiveRootAtEverySizeTo2000() {
        Naive tree(2000);
        Frontier frontier;
        CPPUNIT_ASSERT(frontier.root() == emptyRoot());
        std::vector<Node> completed;
        for (std::uint64_t n = 0; n < 2000; ++n) {
            frontier.append(tree.leaves[n], &completed);
            CPPUNIT_ASSERT(frontier.root() == tree.mth(0, n + 1));
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{7}, completed.size());
        for (const auto& node : completed) CPPUNIT_ASSERT(node.hash == tree.mth(node.index << node.level, (node.index + 1) << node.level));
    }

    void everyProofToSize300EqualsTheDefinitionAndVerifies() {
        Naive tree(300);
        NaiveReader reader(tree);
        for (std::uint64_t size = 1; size <= 300; ++size)
            for (std::uint64_t index = 0; index < size; ++index) check(tree, reader, index, size);
    }

    /// All places of all sizes are four million proofs; above 300 each size has 24 random places, its first, last and middle ones.
    void proofsOfEverySizeTo2000EqualTheDefinitionAndVerify() {
        Naive tree(2000);
        NaiveReader reader(tree);
        std::mt19937_64 random(6962);
        for (std::uint64_t size = 301; size <= 2000; ++size) {
            for (const std::uint64_t index :
                 {std::uint64_t{0}, size - 1, size / 2, std::bit_floor(size) - 1, std::min(size - 1, std::bit_floor(size))})
                check(tree, reader, index, size);
            for (int i = 0; i < 24; ++i) check(tree, reader, random() % size, size);
        }
        CPPUNIT_ASSERT(!inclusionProof(reader, 5, 5).ok());
        CPPUNIT_ASSERT(!consistencyProof(reader, 0, 5).ok());
        CPPUNIT_ASSERT(!consistencyProof(reader, 6, 5).ok());
    }

    void refusesEveryProofThatIsLongerShorterOrOfAnotherPlace() {
        Naive tree(70);
        NaiveReader reader(tree);
        for (const std::uint64_t size : {1U, 2U, 3U, 7U, 8U, 33U, 64U, 70U}) {
            const Head head{size, tree.mth(0, size)};
            for (std::uint64_t index = 0; index < size; ++index) {
                const Proof good = *inclusionProof(reader, index, size);
                Proof longer = good;
                longer.push_back(tree.leaves[0]);
                CPPUNIT_ASSERT(!verifyInclusion(tree.leaves[index], index, head, longer));
                longer = good;
                longer.insert(longer.begin(), tree.leaves[0]);
                CPPUNIT_ASSERT(!verifyInclusion(tree.leaves[index], index, head, longer));
                for (std::size_t i = 0; i < good.size(); ++i) {
                    Proof bad = good;
                    bad[i][31] ^= 1U;
                    CPPUNIT_ASSERT(!verifyInclusion(tree.leaves[index], index, head, bad));
                }
                if (!good.empty()) CPPUNIT_ASSERT(!verifyInclusion(tree.leaves[index], index, head, Proof(good.begin(), good.end() - 1)));
                for (std::uint64_t other = 0; other < size + 2; ++other)
                    if (other != index) CPPUNIT_ASSERT(!verifyInclusion(tree.leaves[index], other, head, good));
                const std::uint64_t from = index + 1;
                const Head older{from, tree.mth(0, from)};
                const Proof growth = *consistencyProof(reader, from, size);
                Proof more = growth;
                more.push_back(tree.leaves[0]);
                CPPUNIT_ASSERT(!verifyConsistency(older, head, more));
                if (!growth.empty()) CPPUNIT_ASSERT(!verifyConsistency(older, head, Proof(growth.begin(), growth.end() - 1)));
                CPPUNIT_ASSERT(!verifyConsistency({from, tree.leaves[size - 1]}, head, growth) || (size == 1));
            }
        }
    }

    void agreesWithPublicInclusionVectors() {
        if (tests::vectorsFolder().empty()) return tests::skip("no public vectors");
        const auto vectors = readVectors("inclusion.json");
        for (const auto& vector : *vectors.asArray()) {
            const auto root = hashOf(vector.textOr("root", ""));
            const auto leaf = hashOf(vector.textOr("leafHash", ""));
            const auto proof = proofOf(vector);
            const bool holds =
                root && leaf && proof && verifyInclusion(*leaf, sizeOf(vector, "leafIdx"), {sizeOf(vector, "treeSize"), *root}, *proof);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(vector.textOr("name", ""), *vector.find("wantErr")->asBool(), !holds);
        }
        CPPUNIT_ASSERT(vectors.asArray()->size() > 50);
    }

    void agreesWithPublicConsistencyVectors() {
        if (tests::vectorsFolder().empty()) return tests::skip("no public vectors");
        const auto vectors = readVectors("consistency.json");
        for (const auto& vector : *vectors.asArray()) {
            const auto older = hashOf(vector.textOr("root1", ""));
            const auto newer = hashOf(vector.textOr("root2", ""));
            // One vector has a root of twelve bytes ("don't care") and expects success: such a root cannot be said here.
            if (!*vector.find("wantErr")->asBool() && (!older || !newer)) continue;
            const auto proof = proofOf(vector);
            const bool holds =
                older && newer && proof && verifyConsistency({sizeOf(vector, "size1"), *older}, {sizeOf(vector, "size2"), *newer}, *proof);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(vector.textOr("name", ""), *vector.find("wantErr")->asBool(), !holds);
        }
        CPPUNIT_ASSERT(vectors.asArray()->size() > 50);
    }

    void frontierSurvivesItsOwnText() {
        Frontier frontier;
        for (int i = 0; i < 13; ++i) frontier.append(leafHash(base::bytesOf(std::to_string(i))));
        auto again = Frontier::parse(13, frontier.serialise());
        CPPUNIT_ASSERT(again.ok());
        CPPUNIT_ASSERT(*again == frontier);
        CPPUNIT_ASSERT(!Frontier::parse(12, frontier.serialise()).ok());
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(MerkleTest);
