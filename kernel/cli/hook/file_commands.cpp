#include "cli/hook/file_commands.h"

#include <array>

namespace agentidp::cli {
namespace {

constexpr std::array kCommands{
    HookSubcommand{"check", "agentidp hook check DIR|SCRIPT [--json]: what a load would say of these files", runHookCheck},
    HookSubcommand{
        "test",
        "agentidp hook test DIR [--coverage] [--min PERCENT] [--format text|tap|junit|json]: runs its cases; exit 1 on any miss, or "
        "where a script has fewer of its lines reached",
        runHookTest},
    HookSubcommand{"run", "agentidp hook run --input FILE [--hook NAME] [--now TIME] SCRIPT [--json]: one call, with each line that ran",
                   runHookRun},
    HookSubcommand{"bench",
                   "agentidp hook bench SCRIPT --input FILE [--hook NAME] [--seconds N] [--json]: calls a second, fresh and pooled",
                   runHookBench},
    HookSubcommand{"api", "agentidp hook api [--json]: every hook with what it is shown and may return, and every name a script has",
                   runHookApi},
    HookSubcommand{
        "replay",
        "agentidp hook replay --decisions LOG [LOG...] --script NEW.lua [--of NAME] [--json]: which decisions of the log it would "
        "change",
        runHookReplay},
    HookSubcommand{"sign", "agentidp hook sign DIR --key FILE [--name NAME] [--json]: writes bundle.sig by an Ed25519 key (PEM or JWK)",
                   runHookSign},
    HookSubcommand{"selftest", "agentidp hook selftest [--json]: runs the hostile scripts that the sandbox must stop", runHookSelftest},
};

}  // namespace

std::span<const HookSubcommand> fileHookCommands() { return kCommands; }

}  // namespace agentidp::cli
