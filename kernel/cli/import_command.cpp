/// `agentidp import sentryagent`: an existing sentryagent-idp database into this installation
/// (docs/operators/migrating-from-sentryagent.md).
#include <unistd.h>

#include <algorithm>
#include <map>

#include "app/initialise.h"
#include "audit/appender.h"
#include "base/text.h"
#include "cli/import/importer.h"
#include "cli/opened.h"

namespace agentidp::cli {
namespace {

using base::Errc;
using base::fail;
using Options = std::map<std::string, std::string>;

base::Result<Options> optionsOf(const std::vector<std::string>& words) {
    if (words.empty() || words.front() != "sentryagent")
        return fail(Errc::Invalid, "import sentryagent --dsn REFERENCE; see agentidp import --help");
    const std::vector<std::string> valued{"--dsn", "--schema", "--column-key", "--column-form", "--scopes"};
    Options out{{"--schema", "public"}, {"--column-form", "hex"}};
    for (std::size_t at = 1; at < words.size(); ++at) {
        const auto equals = words[at].find('=');
        const auto option = words[at].substr(0, equals);
        if (option == "--dry-run" && equals == std::string::npos) {
            out[option] = "yes";
            continue;
        }
        if (std::find(valued.begin(), valued.end(), option) == valued.end())
            return fail(Errc::Invalid, "import knows no " + option + "; see agentidp import --help");
        if (equals == std::string::npos && ++at == words.size()) return fail(Errc::Invalid, option + " wants a value");
        out[option] = equals == std::string::npos ? words[at] : words[at].substr(equals + 1);
    }
    if (!out.contains("--dsn")) return fail(Errc::Invalid, "import sentryagent wants --dsn env:NAME, file:PATH or cred:NAME");
    if (out["--column-form"] != "hex" && out["--column-form"] != "base64") return fail(Errc::Invalid, "--column-form is hex or base64");
    return out;
}

/// A secret by reference only: what stands among the arguments, every user of the machine can read.
base::Result<base::Secret> secretOf(const app::Foundation& foundation, const Options& options, const std::string& option) {
    const auto& reference = options.at(option);
    if (!config::isSecretReference(reference))
        return fail(Errc::Invalid, option + " takes env:NAME, file:PATH or cred:NAME, never the secret itself");
    return foundation.secrets().resolve(reference);
}

base::Result<ImportOptions> wishesOf(const app::Foundation& foundation, const Options& options) {
    ImportOptions out;
    if (options.contains("--dry-run")) out.mode = ImportMode::Look;
    out.actor = "cli:" + std::to_string(::getuid());
    out.form = options.at("--column-form") == "hex" ? CipherForm::Hex : CipherForm::Base64;
    if (options.contains("--scopes")) {
        auto scopes = model::parseScopes(options.at("--scopes"));
        if (!scopes) return fail(Errc::Invalid, "--scopes takes scopes with spaces between them");
        out.scopes = std::move(*scopes);
    }
    if (options.contains("--column-key")) {
        const auto key = secretOf(foundation, options, "--column-key");
        if (!key) return key.error();
        auto cipher = ColumnCipher::make(*key, out.form);
        if (!cipher) return std::move(cipher).error();
        out.cipher.emplace(std::move(*cipher));
    }
    return out;
}

void tell(const Invocation& invocation, const ImportReport& report, ImportMode mode) {
    if (invocation.json()) {
        std::cout << base::json::write(report.json()) << std::endl;
        return;
    }
    std::size_t taken = 0;
    for (const auto& [table, tally] : report.tables) {
        taken += tally.taken;
        std::cout << table << ": " << tally.taken << (mode == ImportMode::Look ? " would be taken, " : " taken, ") << tally.known
                  << " here before, " << tally.refused << " not taken";
        if (tally.past != 0) std::cout << ", " << tally.past << " run out by themselves";
        std::cout << "\n";
    }
    if (taken == 0) std::cout << "nothing changed: everything was here before\n";
    if (report.hashesAgree + report.hashesDiffer != 0)
        std::cout << "hashes of the old audit log: " << report.hashesAgree << " agree, " << report.hashesDiffer << " differ\n";
    if (report.inVault != 0)
        std::cout << report.inVault << " secrets are in Vault and not in the table: give their agents new credentials\n";
    for (const auto& problem : report.problems) std::cout << "not taken: " << problem << "\n";
    for (const auto& table : report.absent) std::cout << "not there: " << table << "\n";
    if (!report.left.empty()) std::cout << "left where it is: " << base::join(report.left, ", ") << "\n";
    std::cout << std::flush;
}

base::Result<ImportReport> take(const Options& options, Opened& opened) {
    auto& foundation = *opened.foundation;
    auto wishes = wishesOf(foundation, options);
    if (!wishes) return std::move(wishes).error();
    const auto dsn = secretOf(foundation, options, "--dsn");
    if (!dsn) return dsn.error();
    auto source = ReferenceDatabase::open(*dsn, options.at("--schema"));
    if (!source) return std::move(source).error();
    auto replica = app::replicaName(foundation.dataDir());
    if (!replica) return std::move(replica).error();
    audit::LedgerOptions ledgerOptions;
    ledgerOptions.replica = *replica;
    ledgerOptions.origin = "agentidp/" + *replica;
    audit::LedgerAppender ledger(foundation.storage(), opened.clock, opened.log, std::move(ledgerOptions));
    if (wishes->mode == ImportMode::Take) {
        if (auto started = ledger.start(); !started) return std::move(started).error();
    }
    Progress progress("import");
    wishes->progress = [&progress](const std::string& table, std::size_t done) { progress.say(table + " " + std::to_string(done)); };
    Importer importer({**source, foundation.storage(), opened.clock,
                       [&ledger](audit::Effect&& effect) -> base::Result<void> {
                           auto done = app::appendAndWait(ledger, std::move(effect));
                           if (!done) return std::move(done).error();
                           return {};
                       }},
                      std::move(*wishes));
    auto report = importer.run();
    auto stopped = ledger.stop(base::milliseconds(10'000));
    if (report && !stopped) return std::move(stopped).error();
    return report;
}

}  // namespace

int runImport(const Invocation& invocation) {
    const auto options = optionsOf(invocation.words);
    if (!options) return refuse(options.error());
    auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    const auto mode = options->contains("--dry-run") ? ImportMode::Look : ImportMode::Take;
    int code = kFailed;
    const auto opened = open(std::move(*loaded), mode == ImportMode::Look ? app::Purpose::Read : app::Purpose::Write, code);
    if (!opened) return code;
    const auto report = take(*options, *opened);
    if (!report) return refuse(report.error());
    tell(invocation, *report, mode);
    return kDone;
}

}  // namespace agentidp::cli
