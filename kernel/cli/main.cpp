/// agentidp: what an operator types. One file a subcommand; this is the list of them.
#include <algorithm>

#include "base/text.h"
#include "cli/invocation.h"
#include "cli/plugin/plugin_command.h"

namespace agentidp::cli {
namespace {

constexpr Command kCommands[] = {
    {"init", "make the data directory, keys, organizations and the first administrator",
     "agentidp init [--json]\n\nPrints the administrator's credentials once. Refuses where something exists.\n\n  agentidp init\n  "
     "agentidp "
     "-Ddata.dir=/srv/agentidp init --json",
     runInit},
    {"check", "the whole start short of listening: every problem, and what would be issued",
     "agentidp check [--json]\n\nReads only. Exit 0: it would start; 2: it would not.\n\n  agentidp check --config "
     "/etc/agentidp/agentidp.properties",
     runCheck},
    {"config", "show the settings in force and where each came from",
     "agentidp config show [--json]\n\nSecrets are never printed.\n\n  agentidp config show | grep token", runConfig},
    {"status", "how the running daemon stands",
     "agentidp status [--json]\n\nAsks over <runtime.dir>/control.sock.\n\n  agentidp status --json", runStatus},
    {"health", "exit 0 if the running daemon is ready",
     "agentidp health\n\nFor health checks of containers.\n\n  agentidp health || echo not ready", runHealth},
    {"drain", "stop the running daemon gracefully", "agentidp drain\n\nThe same as SIGTERM.\n\n  agentidp drain", runDrain},
    {"reload", "make the running daemon read its settings again", "agentidp reload\n\nThe same as SIGHUP.\n\n  agentidp reload", runReload},
    {"keys", "list, rotate, retire, migrate and generate signing keys",
     "agentidp keys list [--json]\nagentidp keys rotate [--now]\nagentidp keys retire KID [--compromised]\nagentidp keys migrate\nagentidp "
     "keys generate --jwk "
     "[--alg ALG] [--kid "
     "NAME]\n\nThey ask the running daemon; where none runs they take the data directory's lock and work themselves. rotate says when the "
     "new key will sign, --now and --compromised what they cost.\n\n  agentidp keys list\n  agentidp keys rotate\n  agentidp keys retire "
     "KID --compromised",
     runKeys},
    {"audit", "verify, prove and export the ledger",
     "agentidp audit verify [--full] [--key KEY]\nagentidp audit prove --event ID\nagentidp audit export [--from TIME] [--to "
     "TIME]\nagentidp audit "
     "origin\n\n  agentidp audit verify --full\n  agentidp audit prove --event ID | python3 tests/verifier/verify_proof.py",
     runAudit},
    {"backup", "a copy of the store, taken beside the running daemon",
     "agentidp backup --to FILE|- [--json]\n\nNever overwrites, 0600, whole or not at all. Keys are not in it: it says what else must be "
     "kept, elsewhere.\n\n  agentidp backup --to /backup/agentidp-$(date +%F)\n  agentidp backup --to - | age -r KEY > backup.age",
     runBackup},
    {"restore", "a backup into an empty store, and what was revoked since",
     "agentidp restore --from FILE [--replay ENTRIES] [--json]\nagentidp restore --replay ENTRIES [--json]\n\nThe daemon must be stopped "
     "and "
     "the store empty. ENTRIES is what `agentidp audit export --format entries` archived after the backup: revocations in it are made "
     "again, what cannot be is told.\n\n  agentidp restore --from /backup/agentidp-2026-11-22\n  agentidp restore --from backup --replay "
     "entries.jsonl && agentidp audit origin",
     runRestore},
    {"import", "take an existing sentryagent-idp database over",
     "agentidp import sentryagent --dsn REFERENCE [--column-key REFERENCE] [--column-form hex|base64] [--scopes \"S S\"] [--schema NAME] "
     "[--dry-run] [--json]\n\nOrganizations, agents, credentials with their bcrypt hashes, live revocations, audit events. References are "
     "env:NAME, file:PATH or cred:NAME. Can be run again: what is here already stays as it is. Stop the daemon of this data.dir first.\n\n "
     " "
     "agentidp import sentryagent --dsn env:OLD --dry-run\n  agentidp import sentryagent --dsn env:OLD --column-key file:column.key "
     "--scopes \"agents:read audit:read\"",
     runImport},
    {"migrate", "tell about the schema, bring it up to date, or move to another storage",
     "agentidp migrate status|up [--json]\nagentidp migrate copy --from PLUGIN [--json]\n\ncopy fills the empty storage that the settings "
     "name "
     "from the one of PLUGIN, with every daemon stopped; the old one stays as it is.\n\n  agentidp migrate status\n  "
     "DATABASE_URL=postgresql://db/agentidp agentidp migrate copy --from sqlite",
     runMigrate},
    {"hook", "the Lua hooks of a daemon; check, test, run, replay, sign and prove them",
     "agentidp hook check DIR|SCRIPT [--json]\nagentidp hook test DIR [--coverage] [--min PERCENT] [--format "
     "text|tap|junit|json]\nagentidp hook "
     "run --input FILE [--hook NAME] [--now TIME] SCRIPT [--json]\nagentidp hook bench --input FILE [--hook NAME] [--seconds N] SCRIPT "
     "[--json]\nagentidp hook api [--json]\nagentidp hook replay --decisions LOG [LOG...] --script NEW.lua [--of NAME] [--json]\nagentidp "
     "hook sign DIR --key FILE [--name NAME] [--json]\nagentidp hook selftest [--json]\n\nThese work on files and need no daemon. These "
     "ask the running one:\n\nagentidp hook list|status [--json]\nagentidp hook mode "
     "NAME enforce|shadow|off|configured\nagentidp hook reload|rollback [--json]\nagentidp hook push DIR [--json]\n\nFILE may "
     "be "
     "-. test fails below --min percent of the lines; replay tells the decisions of the log that NEW.lua would change; sign writes "
     "bundle.sig by an Ed25519 key (PEM or JWK) and prints what hooks.trust wants. docs/hook-authors has the rest.\n\n  agentidp hook test "
     "/etc/agentidp/hooks.d --coverage --min 90\n  agentidp hook run --input ctx.json corp.lua\n  agentidp hook replay --decisions "
     "/var/lib/agentidp/decisions.jsonl --script corp.lua",
     runHook},
    {"jobs", "list the compliance jobs, or run one now",
     "agentidp jobs list [--json]\nagentidp jobs run NAME\n\n  agentidp jobs run credential-expiry", runJobs},
};

void printOverview(std::ostream& out) {
    out << "usage: agentidp [--config FILE] [--env-file FILE] [-DKEY=VALUE]... COMMAND ...\n\n";
    for (const auto& command : kCommands)
        out << "  " << command.name << std::string(10 - command.name.size(), ' ') << command.summary << "\n";
    out << "  plugin    list, check and scaffold plugins\n\nagentidp COMMAND --help says more. Exit: 0 done, 1 failed, 2 misuse or "
           "configuration.\n";
}

int run(std::vector<std::string> arguments) {
    // `plugin` reads its own options: its --config is a plugin's.
    if (const auto word = std::find(arguments.begin(), arguments.end(), "plugin"); word != arguments.end()) {
        const bool first = std::all_of(arguments.begin(), word, [](const std::string& before) { return before.starts_with("-"); });
        if (first) return pluginCommand({word + 1, arguments.end()});
    }
    auto invocation = readInvocation(std::move(arguments));
    if (!invocation) return refuse(invocation.error());
    if (invocation->words.empty()) {
        printOverview(invocation->help ? std::cout : std::cerr);
        return invocation->help ? kDone : kMisuse;
    }
    const auto name = invocation->words.front();
    if (name == "version" || name == "--version") {
        std::cout << "agentidp " AGENTIDP_VERSION "\n";
        return kDone;
    }
    const auto* command = std::find_if(std::begin(kCommands), std::end(kCommands), [&](const Command& item) { return item.name == name; });
    if (command == std::end(kCommands)) {
        std::vector<std::string> names{"plugin"};
        for (const auto& item : kCommands) names.emplace_back(item.name);
        const auto near = base::nearest(name, names);
        return refuse("there is no command '" + name + "'" + (near ? "; did you mean " + *near + "?" : "; see agentidp --help"), kMisuse);
    }
    invocation->words.erase(invocation->words.begin());
    if (invocation->help) {
        std::cout << "usage: " << command->usage << "\n";
        return kDone;
    }
    return command->run(*invocation);
}

}  // namespace
}  // namespace agentidp::cli

int main(int argc, char** argv) {
    try {
        return agentidp::cli::run({argv + 1, argv + argc});
    } catch (const std::exception& bug) {
        std::cerr << "agentidp: this is a bug, please report it: " << bug.what() << std::endl;
        return 1;
    }
}
