#include "cli/audit/audit_command.h"

#include <unistd.h>

#include <algorithm>
#include <future>

#include "audit/appender.h"
#include "audit/checkpointer.h"
#include "audit/reader.h"
#include "audit/verifier.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/arguments/arguments.h"

namespace agentidp::cli {
namespace {

namespace json = base::json;

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kMisuse = 2;

constexpr std::string_view kUsage = R"usage(agentidp audit verify [--full] [--key KEY] [--json]
    Is the ledger what was signed? Without --full: the newest entries, a part of the old ones, and random proofs.
    --key KEY pins the ledger's public key (name+hhhhhhhh+base64, as GET /api/v1/audit/key shows it): keep it elsewhere.
agentidp audit prove --event EVENTID | --index N [--format json|tlog]
    One document with the entry, its proof, the signed checkpoint and the public key. tests/verifier/verify_proof.py, or any
    other verifier of C2SP tlog-proof, needs nothing else.
agentidp audit export [--from TIME] [--to TIME] [--format jsonl|entries]
    Events in ledger order, one a line; `entries` are the exact bytes that were hashed. Times are RFC 3339, inclusive.
agentidp audit origin [--json]
    The ledger's origin and size, and whether it extends its last checkpoint.
agentidp audit origin open --yes
    After a rollback that you accept (a restored backup): go on under a new origin, whose first entry names the old checkpoint.

examples:
  agentidp audit verify --full --key "$(cat ledger.key)"
  agentidp audit prove --event 0198c0de-0000-7000-8000-000000000000 | python3 tests/verifier/verify_proof.py
  agentidp audit export --from 2026-11-01T00:00:00Z --format jsonl > november.jsonl
)usage";

int fail(AuditAccess& access, const base::Error& error) {
    access.err << "agentidp audit: " << (error.hint.empty() ? "failed" : error.hint);
    if (!error.detail.empty()) access.err << " (" << error.detail << ")";
    access.err << "\n";
    return error.code == base::Errc::Invalid ? kMisuse : kFailed;
}

int misuse(AuditAccess& access, const std::string& why) {
    access.err << "agentidp audit: " << why << "; see agentidp audit --help\n";
    return kMisuse;
}

/// The ledger's own key under its origin's name.
base::Result<audit::NoteKey> keyOf(AuditAccess& access, const std::string& origin) {
    if (access.keys.empty()) return base::fail(base::Errc::NotFound, "the ledger has no key yet");
    return audit::NoteKey::of(origin, access.keys.back());
}

int verify(const Arguments& arguments, AuditAccess& access) {
    auto tip = audit::readTip(access.storage, access.clock);
    if (arguments.values.contains("--key")) {
        auto key = audit::NoteKey::parse(base::trim(arguments.value("--key")));
        if (!key) return misuse(access, key.error().hint);
        if (tip && audit::compareOrigin(key->name, tip->origin) == audit::OriginOrder::Foreign)
            return fail(access, base::fail(base::Errc::Denied, "the key is of " + key->name + ", the ledger is " + tip->origin));
        access.keys = {key->publicKey};
    }
    audit::VerifierOptions options;
    options.keys = access.keys;
    options.anchors = access.anchors;
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    const auto began = access.clock.mono();
    std::uint64_t seen = 0;
    bool spoke = false;
    options.pace = [&](std::size_t entries) {
        seen += entries;
        if (!terminal || access.clock.mono() - began < base::seconds(2)) return;
        access.err << "\r" << seen << " entries checked" << std::flush;
        spoke = true;
    };
    audit::Verifier verifier(access.storage, access.clock, std::move(options));
    const auto report = verifier.verify(arguments.has("--full") ? audit::VerifyMode::Full : audit::VerifyMode::Sampled);
    if (spoke) access.err << "\n";
    if (!report) return fail(access, report.error());
    if (arguments.has("--json")) {
        access.out << report->json() << "\n";
        return report->ok ? kDone : kFailed;
    }
    if (report->ok) {
        access.out << "the ledger is sound: entries " << report->from << " to " << report->to << " checked one by one, "
                   << report->entriesHashed << " bodies hashed";
        if (report->checkpoint) access.out << ", checkpoint of " << report->checkpoint->checkpoint.head.size << " entries agrees";
        access.out << "\n";
        return kDone;
    }
    access.out << "the ledger is DAMAGED";
    if (report->firstBad) access.out << ", first at entry " << *report->firstBad;
    access.out << "\n";
    for (const auto& finding : report->findings) {
        access.out << "  " << audit::nameOf(finding.damage) << " at " << finding.index;
        if (!finding.detail.empty()) access.out << ": " << finding.detail;
        access.out << "\n";
    }
    for (const auto& gap : report->lseqGaps)
        access.out << "  writer " << gap.replica << " (epoch " << gap.epoch << ") goes from " << gap.after << " to " << gap.next
                   << " at entry " << gap.index << "\n";
    return kFailed;
}

base::Result<audit::InclusionProof> proofOf(audit::Reader& reader, const Arguments& arguments) {
    if (arguments.values.contains("--event")) return reader.prove(model::EventId(arguments.value("--event")), audit::Tenancy::platform());
    const auto index = base::parseInt(arguments.value("--index"));
    if (!index || *index < 0) return base::fail(base::Errc::Invalid, "--index wants a number from 0");
    return reader.prove(static_cast<std::uint64_t>(*index));
}

int prove(const Arguments& arguments, AuditAccess& access) {
    const std::string format = arguments.value("--format", "json");
    if (arguments.values.contains("--event") == arguments.values.contains("--index"))
        return misuse(access, "prove wants --event or --index");
    if (format != "json" && format != "tlog") return misuse(access, "--format is json or tlog");
    audit::Reader reader(access.storage, access.clock, access.keys);
    auto proof = proofOf(reader, arguments);
    if (!proof && proof.error().code == base::Errc::Unavailable && access.signNow) {
        if (auto made = access.signNow(); !made) return fail(access, made.error());
        proof = proofOf(reader, arguments);
    }
    if (!proof) return fail(access, proof.error());
    auto key = keyOf(access, proof->checkpoint.checkpoint.origin);
    if (!key) return fail(access, key.error());
    if (format == "tlog") {
        // The extra line is not part of what is proven: it only spares the verifier the asking.
        json::Object extra{{"key", key->text()}};
        if (proof->entry) extra.emplace_back("entry", *proof->entry);
        std::string text = proof->text();
        text.insert(text.find("index "), "extra " + base::base64(base::bytesOf(json::write(extra))) + "\n");
        access.out << text;
        return kDone;
    }
    json::Object document{{"format", "agentidp-audit-proof/1"},
                          {"key", key->text()},
                          {"index", static_cast<std::int64_t>(proof->index)},
                          {"leafHash", base::base64(proof->leaf)},
                          {"proof", proof->text()}};
    if (proof->entry) document.emplace_back("entry", *proof->entry);
    access.out << json::writePretty(document) << "\n";
    return kDone;
}

int exportEvents(const Arguments& arguments, AuditAccess& access) {
    constexpr std::uint32_t kPage = 1'000;
    const std::string format = arguments.value("--format", "jsonl");
    if (format != "jsonl" && format != "entries") return misuse(access, "--format is jsonl or entries");
    std::optional<base::Instant> from;
    std::optional<base::Instant> to;
    for (const auto& [option, time] : {std::pair("--from", &from), std::pair("--to", &to)}) {
        if (!arguments.values.contains(option)) continue;
        *time = base::parseRfc3339(arguments.value(option));
        if (!*time) return misuse(access, std::string(option) + " wants an RFC 3339 time such as 2026-11-01T00:00:00Z");
    }
    audit::Reader reader(access.storage, access.clock, access.keys);
    const auto end = reader.size();
    if (!end) return fail(access, end.error());
    std::uint64_t next = 0;
    for (;;) {
        const auto records = reader.since(next, kPage);
        if (!records) return fail(access, records.error());
        for (const auto& record : *records) {
            if (record.index >= *end) return kDone;
            const auto at = record.entry.event.timestamp;
            if ((from && at < *from) || (to && at > *to)) continue;
            access.out << (format == "jsonl" ? record.json() : std::string(base::textOf(record.body))) << "\n";
        }
        if (!access.out.flush()) return fail(access, base::fail(base::Errc::Unavailable, "the output cannot be written"));
        if (records->size() < kPage) return kDone;
        next = records->back().index + 1;
    }
}

/// The newest checkpoint anybody kept, readable or not, to be named by the entry that leaves it behind.
std::string lastNote(AuditAccess& access, const audit::Tip& tip) {
    std::string best;
    std::uint64_t size = 0;
    const auto consider = [&](const std::string& note) {
        const auto opened = audit::openCheckpoint(note, access.keys);
        if (!opened || opened->checkpoint.head.size < size) return;
        size = opened->checkpoint.head.size;
        best = note;
    };
    if (const auto stored = audit::readLastCheckpoint(access.storage, access.clock, tip.origin, access.keys); stored && *stored)
        consider((*stored)->note);
    if (const auto anchors = audit::readAnchors(access.anchors))
        for (const auto& anchor : *anchors) consider(anchor.note);
    return best;
}

int openNewOrigin(AuditAccess& access, const audit::Tip& tip, const base::Result<void>& check) {
    if (check)
        return fail(access, base::fail(base::Errc::Conflict, "the ledger extends its last checkpoint; there is nothing to leave behind"));
    auto effect = audit::openOrigin(access.storage, access.clock, access.actor, lastNote(access, tip));
    if (!effect) return fail(access, effect.error());
    audit::LedgerOptions options;
    options.replica = "cli";
    options.origin = tip.origin;
    audit::LedgerAppender ledger(access.storage, access.clock, access.log, std::move(options));
    if (auto started = ledger.start(); !started) return fail(access, started.error());
    std::promise<base::Result<audit::Committed>> answer;
    auto future = answer.get_future();
    ledger.append(std::move(*effect), [&](base::Result<audit::Committed> result) { answer.set_value(std::move(result)); });
    const auto done = future.get();
    if (!done) return fail(access, done.error());
    access.out << "the ledger goes on as " << audit::nextOrigin(tip.origin) << "; entry " << done->firstIndex
               << " names the checkpoint left behind\n";
    return kDone;
}

int origin(const Arguments& arguments, AuditAccess& access) {
    auto tip = audit::readTip(access.storage, access.clock);
    if (!tip) return fail(access, tip.error());
    const auto check = audit::checkStart(access.storage, access.clock, access.anchors, access.keys);
    if (!check && check.error().code != base::Errc::Conflict) return fail(access, check.error());
    if (arguments.rest.size() == 2 && arguments.rest[1] == "open") {
        if (!arguments.has("--yes")) return misuse(access, "origin open wants --yes: it gives up the proof that nothing was lost");
        return openNewOrigin(access, *tip, check);
    }
    if (arguments.rest.size() != 1) return misuse(access, "origin takes nothing or `open`");
    const auto size = static_cast<std::int64_t>(tip->frontier.size());
    const auto key = keyOf(access, tip->origin);
    if (arguments.has("--json")) {
        json::Object document{
            {"origin", tip->origin}, {"size", size}, {"rootHash", base::base64(tip->root)}, {"extendsCheckpoints", check.ok()}};
        if (key) document.emplace_back("key", key->text());
        if (!check) document.emplace_back("problem", check.error().hint + ": " + check.error().detail);
        access.out << json::write(document) << "\n";
    } else {
        access.out << "origin " << tip->origin << "\nsize   " << size << "\nroot   " << base::base64(tip->root) << "\n";
        if (key) access.out << "key    " << key->text() << "\n";
        access.out << (check ? "extends every checkpoint that is kept" : check.error().hint + ": " + check.error().detail) << "\n";
    }
    return check ? kDone : kFailed;
}

}  // namespace

std::string_view auditUsage() { return kUsage; }

int auditCommand(const std::vector<std::string>& words, AuditAccess& access) {
    auto arguments =
        Arguments::read(words, {"--full", "--json", "--help", "--yes"}, {"--key", "--event", "--index", "--from", "--to", "--format"});
    if (!arguments) return misuse(access, arguments.error().hint);
    if (arguments->has("--help")) {
        access.out << kUsage;
        return kDone;
    }
    if (arguments->rest.empty()) return misuse(access, "verify, prove, export or origin");
    const std::string verb = arguments->rest.front();
    if (verb == "origin") return origin(*arguments, access);
    if (arguments->rest.size() > 1) return misuse(access, verb + " takes no word " + arguments->rest[1]);
    if (verb == "verify") return verify(*arguments, access);
    if (verb == "prove") return prove(*arguments, access);
    if (verb == "export") return exportEvents(*arguments, access);
    return misuse(access, "there is no audit " + verb);
}

}  // namespace agentidp::cli
