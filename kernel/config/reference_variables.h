#pragma once
/// @file kernel/config/reference_variables.h
/// What the environment variables of the systems we replace mean here: one table, read by the loader and by the documents.
#include <string>
#include <string_view>
#include <vector>

#include "config/environment.h"
#include "config/settings.h"

namespace agentidp::config {

/// A setting that a reference variable asks for.
struct ReferenceWish {
    std::string variable;
    Setting setting{};
    std::string value;
    /// Another variable implies it, rather than saying it: that a stronger layer says otherwise is no news.
    bool implied = false;
};

/// A variable that has an effect only in part, or none: `text` says what to expect.
struct ReferenceRemark {
    std::string variable;
    std::string text;
};

/// A plugin setting that one asks for: always a reference (`env:DATABASE_URL`), for these variables hold passwords.
struct ReferencePluginWish {
    std::string variable;
    std::string plugin;
    std::string key;
    std::string value;
};

struct ReferenceReading {
    std::vector<ReferenceWish> wishes;
    std::vector<ReferencePluginWish> pluginWishes;
    std::string mintVariable;  ///< mintVariable() of the same environment
    std::vector<ReferenceRemark> remarks;
    std::vector<std::string> problems;  ///< variables that contradict each other, or hold what no setting could
};

/// The first of the mint's six variables that is set and not empty; empty where none is.
[[nodiscard]] std::string mintVariable(const Environment& environment);
/// True where one of the mint's six variables is set: MACP_AUTH_ISSUER, _AUDIENCE, _MAX_TTL_SECONDS, _DEFAULT_TTL_SECONDS,
/// _SIGNING_ALG, _SIGNING_KEY_JSON. What a runtime reads for itself (MACP_AUTH_JWKS_*, ...) does not count.
[[nodiscard]] bool isMintConfigured(const Environment& environment);

/// Values are passed on as they are; whether they fit is the loader's question.
[[nodiscard]] ReferenceReading readReferenceVariables(const Environment& environment);

}  // namespace agentidp::config
