#pragma once
/// @file tests/contract/storage/naughty_texts.h
/// The big list of naughty strings of the shared vectors; empty where they are absent, which naughtyTextsAreThere tells.
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "support/skip.h"

namespace agentidp::tests {

inline std::vector<std::string> naughtyTexts() {
    std::vector<std::string> texts;
    const std::string folder = vectorsFolder();
    std::ifstream file(folder + "/naughty/blns.json");
    if (folder.empty() || !file) return texts;
    std::stringstream text;
    text << file.rdbuf();
    const auto list = base::json::parse(text.str());
    if (!list.ok() || !list->asArray()) return texts;
    for (const auto& one : *list->asArray())
        if (one.asText() && one.asText()->find('\0') == std::string::npos) texts.push_back(*one.asText());
    return texts;
}

}  // namespace agentidp::tests
