#pragma once
/// @file kernel/policy/bundle.h
/// A set of hooks as files, before anything of it is compiled: the scripts, their documents and their tests. Pure values but for
/// readBundle(), which blocks for a disk.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/script.h"

namespace agentidp::policy {

inline constexpr std::size_t kMaxBundleFiles = 200;
inline constexpr std::size_t kMaxDocumentBytes = 1U << 20U;
inline constexpr std::size_t kMaxTestBytes = 1U << 20U;
/// All files together.
inline constexpr std::size_t kMaxBundleBytes = 2U << 20U;
inline constexpr std::string_view kSignatureFile = "bundle.sig";

enum class FileRole {
    Script,     ///< NAME.lua
    Document,   ///< data/NAME.json, which scripts see as data.NAME
    LuaTest,    ///< NAME_test.lua, tests/NAME.lua: never loaded as a script
    JsonTests,  ///< tests/NAME.json
};

struct BundleFile {
    std::string name;  ///< as in the directory: "corp.lua", "data/tools.json"
    std::string text;
    FileRole role{};
    bool operator==(const BundleFile&) const = default;
};

struct Bundle {
    std::vector<BundleFile> files;  ///< in the order of their names
    std::string signature;          ///< what bundle.sig holds; empty where there is none
    /// Of names, sizes and contents, without the signature: lower-case hex.
    [[nodiscard]] std::string sha256() const;
};

struct BundleReading {
    Bundle bundle;
    std::vector<Complaint> complaints;
};
[[nodiscard]] bool anyFatal(const std::vector<Complaint>& complaints);

/// What a file of this name is in a bundle; nothing for one that is no part of it.
[[nodiscard]] std::optional<FileRole> roleOf(std::string_view name);

/// Fatal: a file or folder that cannot be read, that anybody may write, that is no regular file (links are not followed), over its
/// bound or not UTF-8, too many of them. A warning: files that are no part of a bundle, among them an authz.wasm, which nothing here runs.
[[nodiscard]] BundleReading readBundle(const std::string& directory);

/// The same in memory: files by name, judged as if they had been read. `signature` may be empty.
[[nodiscard]] BundleReading bundleOf(std::vector<BundleFile> files, std::string signature);

/// One JSON text, for the storage and the control socket, and back. Errc::Invalid for what packBundle does not write.
[[nodiscard]] std::string packBundle(const Bundle& bundle);
[[nodiscard]] base::Result<Bundle> unpackBundle(std::string_view text);

/// The documents by the names scripts use. A document that is no JSON is a fatal complaint.
[[nodiscard]] Documents documentsOf(const Bundle& bundle, std::vector<Complaint>& complaints);

/// The bundled tests of compiled scripts (policy/tester.h has the one that is wired in): a complaint for each case that failed.
using BundleTests =
    std::function<std::vector<Complaint>(const Bundle& bundle, const std::vector<ScriptPtr>& scripts, const CallBudget& budget)>;

}  // namespace agentidp::policy
