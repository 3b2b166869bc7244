#include "policy/bundle.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/hash.h"

namespace agentidp::policy {
namespace {

namespace json = base::json;

constexpr std::string_view kHashMark = "agentidp hook bundle 1\n";
constexpr std::size_t kMaxNameBytes = 128;
constexpr std::string_view kData = "data/";
constexpr std::string_view kTests = "tests/";

bool madeOf(std::string_view text, std::string_view extra) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || extra.find(c) != std::string_view::npos;
    });
}

std::size_t boundOf(FileRole role) {
    switch (role) {
        case FileRole::Script: return kMaxScriptBytes;
        case FileRole::Document: return kMaxDocumentBytes;
        case FileRole::LuaTest:
        case FileRole::JsonTests: return kMaxTestBytes;
    }
    return 0;
}

Complaint whole(std::string file, std::string text, std::string mend) { return {std::move(file), 0, std::move(text), std::move(mend)}; }

}  // namespace

bool anyFatal(const std::vector<Complaint>& complaints) {
    return std::any_of(complaints.begin(), complaints.end(), [](const Complaint& complaint) { return complaint.fatal; });
}

std::optional<FileRole> roleOf(std::string_view name) {
    if (name.size() > kMaxNameBytes) return std::nullopt;
    const bool data = name.starts_with(kData), tests = name.starts_with(kTests);
    if (data) name.remove_prefix(kData.size());
    if (tests) name.remove_prefix(kTests.size());
    const auto dot = name.rfind('.');
    if (dot == std::string_view::npos || name.front() == '.') return std::nullopt;
    const auto stem = name.substr(0, dot), extension = name.substr(dot + 1);
    if (data) {
        const bool word = madeOf(stem, "_") && (stem.front() < '0' || stem.front() > '9');
        return extension == "json" && word ? std::optional(FileRole::Document) : std::nullopt;
    }
    if (!madeOf(stem, "_-.")) return std::nullopt;
    if (tests) {
        if (extension == "json") return FileRole::JsonTests;
        return extension == "lua" ? std::optional(FileRole::LuaTest) : std::nullopt;
    }
    if (extension != "lua") return std::nullopt;
    return stem.ends_with("_test") ? FileRole::LuaTest : FileRole::Script;
}

std::string Bundle::sha256() const {
    crypto::Sha256 hash;
    hash.update(base::bytesOf(kHashMark));
    for (const auto& file : files) {
        hash.update(base::bytesOf(file.name + "\n" + std::to_string(file.text.size()) + "\n"));
        hash.update(base::bytesOf(file.text));
    }
    return base::hex(hash.finish());
}

BundleReading bundleOf(std::vector<BundleFile> files, std::string signature) {
    BundleReading out;
    std::sort(files.begin(), files.end(), [](const BundleFile& a, const BundleFile& b) { return a.name < b.name; });
    const auto complain = [&](const std::string& file, std::string text, std::string mend) {
        out.complaints.push_back(whole(file, std::move(text), std::move(mend)));
    };
    if (files.size() > kMaxBundleFiles)
        complain("", "the bundle has " + std::to_string(files.size()) + " files", "keep it at " + std::to_string(kMaxBundleFiles));
    std::size_t bytes = 0;
    const std::string* before = nullptr;
    for (auto& file : files) {
        const auto role = roleOf(file.name);
        if (!role) {
            complain(file.name, "is no file of a bundle",
                     "scripts are NAME.lua, documents data/NAME.json, tests NAME_test.lua or tests/NAME.json");
            continue;
        }
        file.role = *role;
        bytes += file.text.size();
        if (before != nullptr && *before == file.name) complain(file.name, "is there twice", "keep one of them");
        before = &file.name;
        if (file.text.size() > boundOf(*role))
            complain(file.name, "has " + std::to_string(file.text.size()) + " bytes",
                     "keep it at " + std::to_string(boundOf(*role)) + "; move lists into data/NAME.json");
        else if (!base::isUtf8(file.text) || file.text.find('\0') != std::string::npos)
            complain(file.name, "is not UTF-8 text", "save it as UTF-8; bytecode is not accepted");
    }
    if (bytes > kMaxBundleBytes)
        complain("", "the bundle has " + std::to_string(bytes) + " bytes", "keep it at " + std::to_string(kMaxBundleBytes));
    out.bundle.files = std::move(files);
    out.bundle.signature = std::move(signature);
    return out;
}

std::string packBundle(const Bundle& bundle) {
    json::Array files;
    for (const auto& file : bundle.files) files.emplace_back(json::Object{{"name", file.name}, {"text", file.text}});
    return json::write(json::Object{{"bundle", 1}, {"files", std::move(files)}, {"signature", bundle.signature}});
}

base::Result<Bundle> unpackBundle(std::string_view text) {
    const auto wrong = [](std::string detail) { return base::fail(base::Errc::Invalid, "not a bundle of hooks", std::move(detail)); };
    // Escapes may double what control characters need six bytes for.
    const auto parsed = json::parse(text, {6 * kMaxBundleBytes, 8});
    if (!parsed) return wrong(parsed.error().hint);
    const auto* files = parsed->find("files");
    if (parsed->intOr("bundle", 0) != 1 || files == nullptr || files->asArray() == nullptr) return wrong("members");
    std::vector<BundleFile> found;
    for (const auto& file : *files->asArray()) {
        const auto *name = file.find("name"), *content = file.find("text");
        if (name == nullptr || content == nullptr || name->asText() == nullptr || content->asText() == nullptr) return wrong("a file");
        found.push_back({*name->asText(), *content->asText(), {}});
    }
    auto reading = bundleOf(std::move(found), parsed->textOr("signature", ""));
    if (!reading.complaints.empty()) return wrong(reading.complaints.front().file + ": " + reading.complaints.front().text);
    return std::move(reading.bundle);
}

Documents documentsOf(const Bundle& bundle, std::vector<Complaint>& complaints) {
    Documents out;
    for (const auto& file : bundle.files) {
        if (file.role != FileRole::Document) continue;
        auto parsed = json::parse(file.text, {kMaxDocumentBytes, 16});
        if (parsed)
            out.emplace(file.name.substr(kData.size(), file.name.rfind('.') - kData.size()), std::move(*parsed));
        else
            complaints.push_back(whole(file.name, "is no JSON: " + parsed.error().hint, "mend the document"));
    }
    return out;
}

}  // namespace agentidp::policy
