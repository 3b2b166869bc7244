#include <cppunit/extensions/HelperMacros.h>

#include "audit/checkpoint.h"
#include "audit/proof.h"
#include "base/text.h"
#include "crypto/key.h"

using namespace agentidp;
using namespace agentidp::audit;

namespace {

struct Signer {
    crypto::PrivateKey key;
    explicit Signer(std::uint8_t seed) : key(*crypto::PrivateKey::ed25519FromSeed(base::Bytes(32, seed))) {}
    [[nodiscard]] base::Bytes pub() const { return key.publicKey().members().x; }
    [[nodiscard]] Sign sign() const {
        return [this](base::BytesView data) { return key.sign(crypto::Algorithm::EdDsa, data); };
    }
};

}  // namespace

class NoteTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(NoteTest);
    CPPUNIT_TEST(opensThePublishedExampleNote);
    CPPUNIT_TEST(signsAndVerifies);
    CPPUNIT_TEST(passesOverUnknownSignersButNotOverWrongOnes);
    CPPUNIT_TEST(refusesEveryOtherForm);
    CPPUNIT_TEST(anyFlippedByteOfACheckpointIsRefused);
    CPPUNIT_TEST(keysHaveOneText);
    CPPUNIT_TEST(checkpointTextIsStrict);
    CPPUNIT_TEST(aSignerThatLiesIsCaught);
    CPPUNIT_TEST(originsFollowEachOther);
    CPPUNIT_TEST(proofTextParsesBackAndIsStrict);
    CPPUNIT_TEST_SUITE_END();

    /// Text, key and signature as the module golang.org/x/mod/sumdb/note shows them in its documentation: made by another implementation.
    void opensThePublishedExampleNote() {
        const auto key = NoteKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
        CPPUNIT_ASSERT(key.ok());
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{0xc74f20a3}, key->id);
        const std::string text =
            "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
            "\xE2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        const auto note = parseNote(text);
        CPPUNIT_ASSERT(note.ok());
        CPPUNIT_ASSERT(verifyNote(*note, {*key}).ok());
        CPPUNIT_ASSERT_EQUAL(text, note->write());
    }

    void signsAndVerifies() {
        const Signer signer(1);
        const auto made = signCheckpoint({"log.example/audit", {3, leafHash(base::bytesOf("x"))}}, signer.pub(), signer.sign());
        CPPUNIT_ASSERT(made.ok());
        const auto opened = openCheckpoint(made->note, {signer.pub()});
        CPPUNIT_ASSERT(opened.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("log.example/audit"), opened->checkpoint.origin);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, opened->checkpoint.head.size);
        CPPUNIT_ASSERT(!openCheckpoint(made->note, {Signer(2).pub()}).ok());
        CPPUNIT_ASSERT(openCheckpoint(made->note, {Signer(2).pub(), signer.pub()}).ok());
        CPPUNIT_ASSERT(!openCheckpoint(made->note, {}).ok());
    }

    void passesOverUnknownSignersButNotOverWrongOnes() {
        const Signer ours(1);
        const Signer witness(2);
        const auto key = NoteKey::of("log", ours.pub());
        auto note = *signNote("text\n", key, ours.sign());
        const auto other = *signNote("text\n", NoteKey::of("witness", witness.pub()), witness.sign());
        note.signatures.push_back(other.signatures.front());
        CPPUNIT_ASSERT(verifyNote(note, {key}).ok());
        CPPUNIT_ASSERT(verifyNote(note, {key, NoteKey::of("witness", witness.pub())}).ok());
        note.signatures.back().signature[5] ^= 1U;
        CPPUNIT_ASSERT(verifyNote(note, {key}).ok());
        CPPUNIT_ASSERT(!verifyNote(note, {key, NoteKey::of("witness", witness.pub())}).ok());
        note.signatures.erase(note.signatures.begin());
        CPPUNIT_ASSERT(!verifyNote(note, {key}).ok());
    }

    void refusesEveryOtherForm() {
        const Signer signer(1);
        const std::string good = signNote("a\n\nb\n", NoteKey::of("log", signer.pub()), signer.sign())->write();
        CPPUNIT_ASSERT(parseNote(good).ok());
        const std::string signature = good.substr(good.find("\xE2\x80\x94"));
        for (const std::string& bad :
             {std::string(), std::string("\n"), std::string("a\n"), std::string("a\n\n"), good.substr(0, good.size() - 1), good + "\n",
              good + "x\n", "a" + signature, "a\n" + signature, "a\x01\n\n" + signature, "a\r\n\n" + signature,
              std::string("a\n\n- log AAAAAAAA\n"), "a\n\n" + signature.substr(0, 4) + "l+g AAAAAAAA\n",
              "a\n\n" + signature.substr(0, 4) + " AAAAAAAA\n", "a\n\n" + signature.substr(0, 4) + "log AAAA\n",
              "a\n\n" + signature.substr(0, 4) + "log AAAAAAA\n", "a\n\n" + signature.substr(0, 4) + "l\xE2\x80\x85g AAAAAAAA\n",
              "\xFF\n\n" + signature})
            CPPUNIT_ASSERT_MESSAGE(bad, !parseNote(bad).ok());
        std::string many = "a\n\n";
        for (int i = 0; i < 33; ++i) many += signature;
        CPPUNIT_ASSERT(!parseNote(many).ok());
    }

    void anyFlippedByteOfACheckpointIsRefused() {
        const Signer signer(1);
        const std::string note = signCheckpoint({"log", {300, leafHash(base::bytesOf("x"))}}, signer.pub(), signer.sign())->note;
        for (std::size_t i = 0; i < note.size(); ++i) {
            std::string bad = note;
            bad[i] = static_cast<char>(bad[i] ^ 1);
            CPPUNIT_ASSERT_MESSAGE(std::to_string(i), !openCheckpoint(bad, {signer.pub()}).ok());
        }
    }

    void keysHaveOneText() {
        const auto key = NoteKey::of("log.example/audit", Signer(1).pub());
        const auto again = NoteKey::parse(key.text());
        CPPUNIT_ASSERT(again.ok());
        CPPUNIT_ASSERT(again->publicKey == key.publicKey && again->id == key.id && again->name == key.name);
        std::string wrongId = key.text();
        wrongId[key.name.size() + 1] = wrongId[key.name.size() + 1] == '0' ? '1' : '0';
        CPPUNIT_ASSERT(!NoteKey::parse(wrongId).ok());
        for (const char* bad : {"", "log", "log+", "log+00000000", "log+00000000+AAAA", "l g+00000000+AAAA"})
            CPPUNIT_ASSERT(!NoteKey::parse(bad).ok());
    }

    void checkpointTextIsStrict() {
        const std::string root = base::base64(emptyRoot());
        CPPUNIT_ASSERT(Checkpoint::parse("log\n0\n" + root + "\n").ok());
        CPPUNIT_ASSERT(Checkpoint::parse("log\n10\n" + root + "\nextension\n").ok());
        for (const std::string& bad : {std::string(), std::string("log\n"), "log\n01\n" + root + "\n", "log\n-1\n" + root + "\n",
                                       "log\n+1\n" + root + "\n", "log\n1\n" + root, "\n1\n" + root + "\n", std::string("log\n1\nAAAA\n"),
                                       "log\n1\n" + root + "\n\n", "log\n1\n" + root.substr(1) + "\n"})
            CPPUNIT_ASSERT_MESSAGE(bad, !Checkpoint::parse(bad).ok());
    }

    void aSignerThatLiesIsCaught() {
        const Signer signer(1);
        const Signer other(2);
        CPPUNIT_ASSERT(!signNote("t\n", NoteKey::of("log", signer.pub()), other.sign()).ok());
        CPPUNIT_ASSERT(!signNote("t\n", NoteKey::of("log", signer.pub()), [](base::BytesView) {
                            return base::Result<base::Bytes>(base::Bytes(3));
                        }).ok());
    }

    void originsFollowEachOther() {
        CPPUNIT_ASSERT_EQUAL(std::string("log/origin-2"), nextOrigin("log"));
        CPPUNIT_ASSERT_EQUAL(std::string("log/origin-10"), nextOrigin("log/origin-9"));
        CPPUNIT_ASSERT(compareOrigin("log", "log") == OriginOrder::Same);
        CPPUNIT_ASSERT(compareOrigin("log", "log/origin-2") == OriginOrder::Earlier);
        CPPUNIT_ASSERT(compareOrigin("log/origin-10", "log/origin-9") == OriginOrder::Later);
        CPPUNIT_ASSERT(compareOrigin("other", "log") == OriginOrder::Foreign);
        CPPUNIT_ASSERT(compareOrigin("log/origin-x", "log") == OriginOrder::Foreign);
    }

    void proofTextParsesBackAndIsStrict() {
        const Signer signer(1);
        const Hash a = leafHash(base::bytesOf("a"));
        const Hash b = leafHash(base::bytesOf("b"));
        InclusionProof proof;
        proof.index = 1;
        proof.leaf = b;
        proof.hashes = {a};
        proof.checkpoint = *signCheckpoint({"log", {2, nodeHash(a, b)}}, signer.pub(), signer.sign());
        CPPUNIT_ASSERT(proof.holds());
        const std::string text = proof.text();
        const auto parsed = parseProofText(text);
        CPPUNIT_ASSERT(parsed.ok());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, parsed->index);
        CPPUNIT_ASSERT(parsed->hashes == proof.hashes);
        CPPUNIT_ASSERT_EQUAL(proof.checkpoint.note, parsed->note);
        std::string extra = text;
        extra.insert(text.find("index"), "extra aGk=\n");
        CPPUNIT_ASSERT(parseProofText(extra).ok());
        for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{{"@v1", "@v2"},
                                                                                       {"index 1", "index 01"},
                                                                                       {"index 1", "index -1"},
                                                                                       {"index 1", "idx 1"},
                                                                                       {base::base64(a), "AAAA"},
                                                                                       {base::base64(a), "x"}}) {
            std::string bad = text;
            bad.replace(bad.find(from), from.size(), to);
            CPPUNIT_ASSERT_MESSAGE(bad, !parseProofText(bad).ok());
        }
        CPPUNIT_ASSERT(!parseProofText("c2sp.org/tlog-proof@v1\nindex 1\n").ok());
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(NoteTest);
