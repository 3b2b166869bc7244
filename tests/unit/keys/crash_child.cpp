/// keys_crash_child FOLDER: a key ring over storage-sqlite and keys-file in FOLDER that rotates twice, on a clock that FOLDER/time moves
/// on. After every step it says on standard output `jwks SECOND KID KID...` and `signed SECOND KID`. crash_test.cpp kills it at its
/// failpoints.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "audit/appender.h"
#include "jose/jwk.h"
#include "keys/key_ring.h"
#include "support/loaded_plugin.h"

using namespace agentidp;

namespace {

/// The system's clock, and as much later as was ever asked in this folder.
class MovedClock final : public base::Clock {
public:
    explicit MovedClock(std::string file) : file_(std::move(file)) { std::ifstream(file_) >> ahead_; }
    [[nodiscard]] base::Instant now() const override { return system_.now() + base::seconds(ahead_); }
    [[nodiscard]] base::MonoInstant mono() const override { return system_.mono(); }
    void advance(std::int64_t seconds) {
        ahead_ += seconds;
        std::ofstream(file_, std::ios::trunc) << ahead_;
    }

private:
    base::SystemClock system_;
    std::string file_;
    std::int64_t ahead_ = 0;
};

int give(const base::Error& error) {
    std::fprintf(stderr, "%s %s\n", error.hint.c_str(), error.detail.c_str());
    return 1;
}

std::string schema() {
    std::ifstream file(std::string(AGENTIDP_SOURCE_DIR) + "/migrations/schema.json");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

/// One line a fact, written at once, so that a death right after it cannot take it back.
bool tell(const keys::KeyRing& ring, const base::Clock& clock) {
    const auto second = std::to_string(base::epochSecondsOf(clock.now()));
    std::string lines = "jwks " + second;
    const auto served = jose::parseJwks(ring.snapshot()->jwks);
    if (!served) return false;
    for (const auto& key : *served) lines += " " + key.kid.str();
    const auto active = ring.activeKey();
    if (!active || !ring.sign(active->kid, base::bytesOf("x"))) return false;
    lines += "\nsigned " + second + " " + active->kid.str() + "\n";
    return ::write(STDOUT_FILENO, lines.data(), lines.size()) == static_cast<ssize_t>(lines.size());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const std::string folder = argv[1];
    std::filesystem::create_directories(folder);
    MovedClock clock(folder + "/time");
    tests::LoadedPlugin plugin(clock, plugin::wanted(AIP_KIND_STORAGE, "sqlite", {}), folder);
    if (auto added = plugin.catalog().add(plugin::wanted(AIP_KIND_KEYS, "file", {})); !added) return give(added.error());
    auto& storage = plugin.catalog().storage();
    if (auto done = storage.migrate(schema(), true, plugin::callWithin(clock, base::seconds(30))); !done) return give(done.error());

    tests::CountingLog log;
    audit::LedgerOptions options;
    options.origin = "crash.example/keys";
    audit::LedgerAppender ledger(storage, clock, log, options);
    if (auto started = ledger.start(); !started) return give(started.error());
    keys::KeyRing::Settings settings;
    settings.policy.plugin = "file";
    settings.policy.jwksMaxAge = base::seconds(AGENTIDP_TEST_MAX_AGE);
    settings.policy.grace = base::seconds(AGENTIDP_TEST_GRACE);
    keys::KeyRing ring({storage, ledger, plugin.catalog().keys(), nullptr, clock, log}, settings);
    if (auto ready = ring.ensureFirstKey(); !ready) return give(ready.error());
    if (!tell(ring, clock)) return 1;
    for (int round = 0; round < 2; ++round) {
        if (auto rotated = ring.rotate(keys::Wish::Rotate, "crash"); !rotated) return give(rotated.error());
        if (!tell(ring, clock)) return 1;
        for (const auto wait : {AGENTIDP_TEST_MAX_AGE, AGENTIDP_TEST_GRACE}) {
            clock.advance(wait);
            if (auto ticked = ring.tick(); !ticked) return give(ticked.error());
            if (!tell(ring, clock)) return 1;
        }
    }
    return ledger.stop(base::seconds(10)) ? 0 : 1;
}
