/// The file of a backup: whole or not there, and believed only where its digest agrees.
#include <cppunit/extensions/HelperMacros.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/backup/backup_file.h"
#include "support/temp_folder.h"

namespace agentidp::cli {

class BackupFileTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(BackupFileTest);
    CPPUNIT_TEST(givesBackWhatItWasGiven);
    CPPUNIT_TEST(isPrivateAndOverwritesNothing);
    CPPUNIT_TEST(leavesNothingBehindUnlessFinished);
    CPPUNIT_TEST(refusesEveryCutAndEveryChangedByte);
    CPPUNIT_TEST(refusesAHeaderThatSaysTooLittle);
    CPPUNIT_TEST_SUITE_END();

    tests::TempFolder folder_;

    static BackupHeader header() {
        BackupHeader out;
        out.backend = "sqlite";
        out.schema = 3;
        out.origin = "agentidp/one";
        out.ledgerSize = 42;
        out.checkpoint = "agentidp/one\n42\nroot\n";
        out.takenAt = base::fromMicros(1'790'000'000'000'001);
        out.program = "0.1.0";
        return out;
    }
    std::string made(const std::string& stream) {
        const auto path = folder_.path("copy");
        std::filesystem::remove(path);
        auto writer = BackupWriter::open(path);
        CPPUNIT_ASSERT(writer.ok());
        CPPUNIT_ASSERT(writer->begin(header()).ok());
        CPPUNIT_ASSERT(writer->write(base::bytesOf(stream)).ok());
        CPPUNIT_ASSERT(writer->finish().ok());
        return path;
    }
    static std::string contentOf(const std::string& path) {
        std::ifstream file(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    base::Errc refusal(const std::string& content) const {
        const auto read = BackupReader::open(folder_.write("other", content), {});
        CPPUNIT_ASSERT(!read.ok());
        return read.error().code;
    }

public:
    void givesBackWhatItWasGiven() {
        // Longer than a piece, and with the words of the last line inside.
        std::string stream = "\nagentidp-backup-end " + std::string(600'000, 'x') + "\n";
        stream[300'000] = '\0';
        auto read = BackupReader::open(made(stream), {});
        CPPUNIT_ASSERT(read.ok());
        CPPUNIT_ASSERT_EQUAL(base::json::write(header().json()), base::json::write(read->header().json()));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{stream.size()}, read->streamBytes());
        std::string back;
        base::Bytes piece(70'000);
        for (std::int64_t got = 0; (got = read->read(piece)) > 0;)
            back += base::textOf(base::BytesView(piece).first(static_cast<std::size_t>(got)));
        CPPUNIT_ASSERT(stream == back);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, read->read(piece));
    }

    void isPrivateAndOverwritesNothing() {
        const auto path = made("first");
        struct stat info {};
        CPPUNIT_ASSERT_EQUAL(0, ::stat(path.c_str(), &info));
        CPPUNIT_ASSERT_EQUAL(0600U, static_cast<unsigned>(info.st_mode & 0777U));
        const auto again = BackupWriter::open(path);
        CPPUNIT_ASSERT(!again.ok() && again.error().code == base::Errc::Exists);

        const auto late = folder_.path("late");
        auto writer = BackupWriter::open(late);
        CPPUNIT_ASSERT(writer.ok() && writer->begin(header()).ok());
        std::ofstream(late) << "somebody else's";
        const auto finished = writer->finish();
        CPPUNIT_ASSERT(!finished.ok() && finished.error().code == base::Errc::Exists);
        CPPUNIT_ASSERT_EQUAL(std::string("somebody else's"), contentOf(late));
    }

    void leavesNothingBehindUnlessFinished() {
        {
            auto writer = BackupWriter::open(folder_.path("never"));
            CPPUNIT_ASSERT(writer.ok() && writer->begin(header()).ok());
        }
        CPPUNIT_ASSERT(std::filesystem::is_empty(folder_.path()));
        const auto nowhere = BackupWriter::open(folder_.path("no/such/folder"));
        CPPUNIT_ASSERT(!nowhere.ok() && nowhere.error().code == base::Errc::Unavailable);
    }

    void refusesEveryCutAndEveryChangedByte() {
        const auto whole = contentOf(made("a short stream"));
        for (std::size_t length = 0; length < whole.size(); ++length)
            CPPUNIT_ASSERT(base::Errc::Invalid == refusal(whole.substr(0, length)));
        for (std::size_t at = 0; at + 1 < whole.size(); ++at) {
            auto changed = whole;
            changed[at] = static_cast<char>(changed[at] ^ 1);
            CPPUNIT_ASSERT_MESSAGE(std::to_string(at), base::Errc::Invalid == refusal(changed));
        }
        CPPUNIT_ASSERT(base::Errc::Invalid == refusal(whole + "x"));
    }

    void refusesAHeaderThatSaysTooLittle() {
        const auto parsed = [](std::string_view text) { return BackupHeader::of(*base::json::parse(text)).ok(); };
        CPPUNIT_ASSERT(parsed(R"({"backend":"b","schema":1,"ledger":{"size":0},"takenAt":"2026-11-22T00:00:00Z"})"));
        for (const auto* bad : {"{}", "[]", R"({"schema":1,"ledger":{"size":0},"takenAt":"2026-11-22T00:00:00Z"})",
                                R"({"backend":"b","schema":0,"ledger":{"size":0},"takenAt":"2026-11-22T00:00:00Z"})",
                                R"({"backend":"b","schema":1,"takenAt":"2026-11-22T00:00:00Z"})",
                                R"({"backend":"b","schema":1,"ledger":{"size":-5},"takenAt":"2026-11-22T00:00:00Z"})",
                                R"({"backend":"b","schema":1,"ledger":{"size":0},"takenAt":"yesterday"})"})
            CPPUNIT_ASSERT_MESSAGE(bad, !parsed(bad));
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(BackupFileTest);

}  // namespace agentidp::cli
