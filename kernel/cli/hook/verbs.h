#pragma once
/// @file kernel/cli/hook/verbs.h
/// The verbs of `agentidp hook`: the words of the invocation are those behind the verb. hook_command.cpp has the list and the usage.
#include "cli/invocation.h"

namespace agentidp::cli {

/// On files; none needs a daemon, settings or a data directory. Budgets are the built-in ones.
int runHookApi(const Invocation& invocation);
int runHookBench(const Invocation& invocation);
int runHookCheck(const Invocation& invocation);
int runHookReplay(const Invocation& invocation);
int runHookRun(const Invocation& invocation);
int runHookSelftest(const Invocation& invocation);
int runHookSign(const Invocation& invocation);
int runHookTest(const Invocation& invocation);

/// Of a running daemon, over the control socket.
int runHookList(const Invocation& invocation);
/// `mode NAME enforce|shadow|off|configured`: at once, in every daemon of the storage, across restarts; `configured` goes back to
/// hooks.NAME.mode.
int runHookMode(const Invocation& invocation);
/// `push DIR`: where hooks.source = storage.
int runHookPush(const Invocation& invocation);
int runHookReload(const Invocation& invocation);
int runHookRollback(const Invocation& invocation);
int runHookStatus(const Invocation& invocation);

}  // namespace agentidp::cli
