/// `agentidp audit`, and the verifier in Python, which must agree with it on random ledgers and random damage.
#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <sstream>

#include "base/json.h"
#include "base/text.h"
#include "cli/arguments/arguments.h"
#include "cli/audit/audit_command.h"
#include "ledger_bed.h"
#include "support/skip.h"

using namespace agentidp;
using namespace agentidp::audit;
using plugin::Compare;
using tests::LedgerBed;

namespace {

struct Run {
    int code = -1;
    std::string out;
    std::string err;
};

Run command(LedgerBed& bed, const std::vector<std::string>& words, bool signs = false) {
    std::ostringstream out;
    std::ostringstream err;
    cli::AuditAccess access{*bed.storage, bed.clock, bed.log, out, err, {bed.publicKey}, bed.signing().anchors, "cli:0"};
    if (signs)
        access.signNow = [&]() -> base::Result<void> { return Checkpointer(*bed.storage, bed.clock, bed.log, bed.signing()).signNow(); };
    Run run;
    run.code = cli::auditCommand(words, access);
    run.out = out.str();
    run.err = err.str();
    return run;
}

/// Runs a program with `input` on its standard input; 127 where it cannot be run.
Run execute(const std::vector<std::string>& words, const std::filesystem::path& folder, const std::string& input) {
    const auto in = folder / "in";
    const auto out = folder / "out";
    std::ofstream(in, std::ios::binary) << input;
    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        const int from = ::open(in.c_str(), O_RDONLY);
        const int to = ::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (from < 0 || to < 0 || ::dup2(from, 0) < 0 || ::dup2(to, 1) < 0 || ::dup2(to, 2) < 0) ::_exit(126);
        ::execvp(arguments[0], arguments.data());
        ::_exit(127);
    }
    int status = 0;
    CPPUNIT_ASSERT(::waitpid(child, &status, 0) == child);
    std::ifstream file(out);
    std::stringstream text;
    text << file.rdbuf();
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text.str(), {}};
}

const std::string kScript = std::string(AGENTIDP_SOURCE_DIR) + "/tests/verifier/verify_proof.py";
/// The same script where the package `cryptography` cannot be imported.
const std::string kWithoutPackage =
    "import sys,runpy; sys.modules['cryptography']=None; sys.argv=sys.argv[1:]; runpy.run_path(sys.argv[0],run_name='__main__')";

}  // namespace

class AuditCommandTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AuditCommandTest);
    CPPUNIT_TEST(helpAndMisuse);
    CPPUNIT_TEST(readsFlagsAndOptions);
    CPPUNIT_TEST(verifyAnswersByItsExitCode);
    CPPUNIT_TEST(verifyPinsAKey);
    CPPUNIT_TEST(proveCarriesEverything);
    CPPUNIT_TEST(proveSignsWhatNoCheckpointCoversYet);
    CPPUNIT_TEST(exportsInOrderAndByTime);
    CPPUNIT_TEST(originTellsAndOpens);
    CPPUNIT_TEST(pythonAgreesOnRandomLedgers);
    CPPUNIT_TEST(pythonRefusesEveryDamagedDocument);
    CPPUNIT_TEST(pythonVerifiesWithoutItsCryptographyPackage);
    CPPUNIT_TEST_SUITE_END();

    void helpAndMisuse() {
        LedgerBed bed;
        bed.fill(3);
        const auto help = command(bed, {"--help"});
        CPPUNIT_ASSERT_EQUAL(0, help.code);
        CPPUNIT_ASSERT(help.out.find("examples:") != std::string::npos);
        for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{},
                                                                                           {"dance"},
                                                                                           {"verify", "--fast"},
                                                                                           {"verify", "more"},
                                                                                           {"verify", "--key"},
                                                                                           {"verify", "--key", "x"},
                                                                                           {"prove"},
                                                                                           {"prove", "--index", "-1"},
                                                                                           {"prove", "--index", "1", "--event", "x"},
                                                                                           {"prove", "--index", "1", "--format", "xml"},
                                                                                           {"export", "--from", "yesterday"},
                                                                                           {"export", "--format", "xml"},
                                                                                           {"origin", "close"},
                                                                                           {"origin", "open"}}) {
            const auto run = command(bed, words);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(base::join(words, " "), 2, run.code);
            CPPUNIT_ASSERT(!run.err.empty());
        }
    }

    void readsFlagsAndOptions() {
        const auto read = cli::Arguments::read({"verify", "--full", "--key=a=b", "--to", "x"}, {"--full"}, {"--key", "--to"});
        CPPUNIT_ASSERT(read.ok());
        CPPUNIT_ASSERT(read->has("--full") && read->value("--key") == "a=b" && read->value("--to") == "x" && read->rest.size() == 1);
        CPPUNIT_ASSERT(!cli::Arguments::read({"--full=yes"}, {"--full"}, {}).ok());
    }

    void verifyAnswersByItsExitCode() {
        LedgerBed bed;
        bed.fill(300);
        bed.checkpoint();
        CPPUNIT_ASSERT_EQUAL(0, command(bed, {"verify"}).code);
        const auto good = command(bed, {"verify", "--full", "--json"});
        CPPUNIT_ASSERT_EQUAL(0, good.code);
        CPPUNIT_ASSERT(*base::json::parse(good.out)->find("ok")->asBool());
        bed.attack({plugin::removeFrom("audit_entries", {{"idx", Compare::Eq, {std::int64_t{7}}}})});
        const auto bad = command(bed, {"verify", "--full"});
        CPPUNIT_ASSERT_EQUAL(1, bad.code);
        CPPUNIT_ASSERT_MESSAGE(bad.out, bad.out.find("middle_deleted at 7") != std::string::npos);
        bed.storage->setDown(true);
        CPPUNIT_ASSERT_EQUAL(1, command(bed, {"verify"}).code);
    }

    void verifyPinsAKey() {
        LedgerBed bed;
        bed.fill(30);
        bed.checkpoint();
        CPPUNIT_ASSERT_EQUAL(0, command(bed, {"verify", "--key", NoteKey::of("test.example/audit", bed.publicKey).text()}).code);
        const auto other = *crypto::PrivateKey::ed25519FromSeed(base::Bytes(32, 3));
        CPPUNIT_ASSERT_EQUAL(
            1, command(bed, {"verify", "--key", NoteKey::of("test.example/audit", other.publicKey().members().x).text()}).code);
        CPPUNIT_ASSERT_EQUAL(1, command(bed, {"verify", "--key", NoteKey::of("other.example/audit", bed.publicKey).text()}).code);
    }

    void proveCarriesEverything() {
        LedgerBed bed;
        bed.fill(10);
        bed.checkpoint();
        const auto id = bed.reader().at(4, Tenancy::platform())->entry.event.eventId.str();
        const auto run = command(bed, {"prove", "--event", id});
        CPPUNIT_ASSERT_EQUAL(0, run.code);
        const auto document = base::json::parse(run.out);
        CPPUNIT_ASSERT(document.ok());
        const auto key = NoteKey::parse(document->textOr("key", ""));
        CPPUNIT_ASSERT(key.ok() && key->publicKey == bed.publicKey);
        const auto proof = parseProofText(document->textOr("proof", ""));
        const auto checkpoint = openCheckpoint(proof->note, {key->publicKey});
        CPPUNIT_ASSERT(verifyInclusion(leafHash(base::bytesOf(document->textOr("entry", ""))), proof->index, checkpoint->checkpoint.head,
                                       proof->hashes));
        CPPUNIT_ASSERT(document->textOr("entry", "").find(id) != std::string::npos);
        const auto text = command(bed, {"prove", "--index", "4", "--format", "tlog"});
        CPPUNIT_ASSERT_EQUAL(0, text.code);
        CPPUNIT_ASSERT(parseProofText(text.out).ok());
        CPPUNIT_ASSERT_EQUAL(1, command(bed, {"prove", "--index", "10"}).code);
        CPPUNIT_ASSERT_EQUAL(1, command(bed, {"prove", "--event", "0198c0de-0000-7000-8000-000000000000"}).code);
    }

    void proveSignsWhatNoCheckpointCoversYet() {
        LedgerBed bed;
        bed.fill(3);
        CPPUNIT_ASSERT_EQUAL(1, command(bed, {"prove", "--index", "1"}).code);
        CPPUNIT_ASSERT_EQUAL(0, command(bed, {"prove", "--index", "1"}, true).code);
    }

    void exportsInOrderAndByTime() {
        LedgerBed bed;
        bed.fill(1200);
        const auto all = command(bed, {"export"});
        CPPUNIT_ASSERT_EQUAL(0, all.code);
        const auto lines = base::split(all.out, '\n');
        CPPUNIT_ASSERT_EQUAL(std::size_t{1201}, lines.size());
        for (std::size_t i = 0; i < 1200; i += 111)
            CPPUNIT_ASSERT_EQUAL(static_cast<std::int64_t>(i), base::json::parse(lines[i])->intOr("index", -1));
        const auto entries = base::split(command(bed, {"export", "--format", "entries"}).out, '\n');
        CPPUNIT_ASSERT_EQUAL(std::string(base::textOf(bed.bodyOf(1100))), entries[1100]);
        const auto from = base::json::parse(lines[1000])->textOr("timestamp", "");
        const auto to = base::json::parse(lines[1009])->textOr("timestamp", "");
        CPPUNIT_ASSERT_EQUAL(std::size_t{11}, base::split(command(bed, {"export", "--from", from, "--to", to}).out, '\n').size());
    }

    void originTellsAndOpens() {
        LedgerBed bed;
        CPPUNIT_ASSERT_EQUAL(1, command(bed, {"origin"}).code);
        bed.fill(30);
        bed.checkpoint();
        const auto told = command(bed, {"origin", "--json"});
        CPPUNIT_ASSERT_EQUAL(0, told.code);
        CPPUNIT_ASSERT_EQUAL(std::string("test.example/audit"), base::json::parse(told.out)->textOr("origin", ""));
        CPPUNIT_ASSERT_EQUAL(1, command(bed, {"origin", "open", "--yes"}).code);
        bed.closeLedger();
        Tip tip = *readTip(*bed.storage, bed.clock);
        const Head head = tip.head();
        TileReader reader(*bed.storage, bed.clock);
        tip.frontier = *frontierAt(reader, 20);
        tip.root = tip.frontier.root();
        bed.attack({moveTip(head, tip), plugin::removeFrom("audit_entries", {{"idx", Compare::Ge, {std::int64_t{20}}}})});
        const auto rolled = command(bed, {"origin"});
        CPPUNIT_ASSERT_EQUAL(1, rolled.code);
        CPPUNIT_ASSERT(rolled.out.find("audit rollback") != std::string::npos);
        const auto opened = command(bed, {"origin", "open", "--yes"});
        CPPUNIT_ASSERT_EQUAL_MESSAGE(opened.err, 0, opened.code);
        const auto after = command(bed, {"origin"});
        CPPUNIT_ASSERT_EQUAL_MESSAGE(after.out, 0, after.code);
        CPPUNIT_ASSERT(after.out.find("test.example/audit/origin-2") != std::string::npos);
    }

    bool noPython() {
        LedgerBed bed;
        if (execute({"python3", "-c", ""}, bed.folder, "").code == 0) return false;
        tests::skip("there is no python3");
        return true;
    }

    void pythonAgreesOnRandomLedgers() {
        if (noPython()) return;
        std::mt19937_64 random(20261122);
        LedgerBed bed;
        std::uint64_t size = 0;
        for (int round = 0; round < 6; ++round) {
            const std::size_t more = 1 + random() % 180;
            bed.fill(more, 1 + random() % 50);
            size += more;
            bed.checkpoint();
            for (int i = 0; i < 4; ++i) {
                const auto index = std::to_string(random() % size);
                const auto format = i % 2 == 0 ? "json" : "tlog";
                const auto document = command(bed, {"prove", "--index", index, "--format", format});
                CPPUNIT_ASSERT_EQUAL(0, document.code);
                const auto key = NoteKey::of("test.example/audit", bed.publicKey).text();
                const auto pinned = execute({"python3", kScript, "--key", key}, bed.folder, document.out);
                CPPUNIT_ASSERT_EQUAL_MESSAGE(pinned.out, 0, pinned.code);
                CPPUNIT_ASSERT_MESSAGE(pinned.out, pinned.out.find("entry " + index + " of " + std::to_string(size)) != std::string::npos);
            }
        }
    }

    void pythonRefusesEveryDamagedDocument() {
        if (noPython()) return;
        LedgerBed bed;
        bed.fill(40);
        bed.checkpoint();
        const auto good = command(bed, {"prove", "--index", "17"}).out;
        CPPUNIT_ASSERT_EQUAL(0, execute({"python3", kScript}, bed.folder, good).code);
        const auto refused = [&](const std::string& document, const std::vector<std::string>& more = {}) {
            std::vector<std::string> words{"python3", kScript};
            words.insert(words.end(), more.begin(), more.end());
            const auto run = execute(words, bed.folder, document);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(run.out + document, 1, run.code);
            CPPUNIT_ASSERT_MESSAGE(run.out, run.out.starts_with("no: "));
        };
        const auto replaced = [&](const std::string& from, const std::string& to) {
            std::string document = good;
            const auto at = document.find(from);
            CPPUNIT_ASSERT_MESSAGE(from, at != std::string::npos);
            return document.replace(at, from.size(), to);
        };
        const auto proof = parseProofText(base::json::parse(good)->textOr("proof", ""));
        refused(replaced("192.0.2.1", "192.0.2.9"));
        refused(replaced("index 17", "index 16"));
        refused(replaced("index 17", "index 017"));
        refused(replaced("\\n40\\n", "\\n41\\n"));
        refused(replaced(base::base64(proof->hashes[2]) + "\\n", ""));
        refused(replaced(base::base64(proof->hashes[2]), base::base64(proof->hashes[1])));
        refused(replaced("\"index\": 17", "\"index\": 18"));
        refused(replaced("agentidp-audit-proof/1", "agentidp-audit-proof/2"));
        refused(good.substr(0, good.size() / 2));
        refused("");
        const auto other = *crypto::PrivateKey::ed25519FromSeed(base::Bytes(32, 3));
        refused(good, {"--key", NoteKey::of("test.example/audit", other.publicKey().members().x).text()});
        refused(good, {"--key", NoteKey::of("other.example/audit", bed.publicKey).text()});
        refused(good, {"--key", "nonsense"});
        std::string flipped = good;
        const auto signature = flipped.find("test.example/audit ", flipped.find("\xE2\x80\x94")) + 40;
        flipped[signature] = flipped[signature] == 'A' ? 'B' : 'A';
        refused(flipped);
    }

    void pythonVerifiesWithoutItsCryptographyPackage() {
        if (noPython()) return;
        LedgerBed bed;
        bed.fill(5);
        bed.checkpoint();
        const auto good = command(bed, {"prove", "--index", "3"}).out;
        const auto run = execute({"python3", "-c", kWithoutPackage, kScript}, bed.folder, good);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(run.out, 0, run.code);
        std::string flipped = good;
        const auto signature = flipped.find("test.example/audit ", flipped.find("\xE2\x80\x94")) + 60;
        flipped[signature] = flipped[signature] == 'A' ? 'B' : 'A';
        const auto refused = execute({"python3", "-c", kWithoutPackage, kScript}, bed.folder, flipped);
        CPPUNIT_ASSERT_EQUAL(1, refused.code);
        CPPUNIT_ASSERT_MESSAGE(refused.out, refused.out.find("signature is wrong") != std::string::npos);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(AuditCommandTest);
