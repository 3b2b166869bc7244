#include "plugin/check/secrets_steps.h"

#include <algorithm>

namespace agentidp::plugin::check {
namespace {

using Saw = std::optional<std::string>;
using Subject = SecretsSubject;

Call callOf(const Subject& subject) { return callWithin(*subject.clock, base::seconds(30), "contract"); }
base::Secret secretOf(std::string text) { return base::Secret::fromText(std::move(text)); }

/// Nothing where the newest (or that) version is `wanted`.
Saw holds(Subject& subject, const std::string& path, const std::string& version, std::string_view wanted) {
    const auto held = subject.store->get(path, version, callOf(subject));
    if (!held) return "get failed: " + held.error().hint + " " + held.error().detail;
    if (held->text() != wanted) return "get answered " + std::to_string(held->view().size()) + " other bytes";
    return std::nullopt;
}

Saw isGone(Subject& subject, const std::string& path) {
    const auto held = subject.store->get(path, "", callOf(subject));
    if (held) return "get still answers";
    if (held.error().code != base::Errc::NotFound) return "get fails otherwise than as not found: " + held.error().hint;
    return std::nullopt;
}

Saw answersWhatWasPut(Subject& subject) {
    const std::string path = subject.prefix + "/one";
    const auto version = subject.store->put(path, secretOf("s3cret"), callOf(subject));
    if (!version) return "put failed: " + version.error().hint + " " + version.error().detail;
    if (auto saw = holds(subject, path, "", "s3cret")) return saw;
    return holds(subject, path, *version, "s3cret");
}

Saw keepsAnyBytes(Subject& subject) {
    const std::string path = subject.prefix + "/bytes";
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
    if (const auto put = subject.store->put(path, secretOf(all), callOf(subject)); !put) return "put failed: " + put.error().hint;
    return holds(subject, path, "", all);
}

Saw newVersionsDoNotReplaceOldOnes(Subject& subject) {
    const std::string path = subject.prefix + "/versions";
    const auto first = subject.store->put(path, secretOf("first"), callOf(subject));
    const auto second = subject.store->put(path, secretOf("second"), callOf(subject));
    if (!first || !second) return "put failed";
    if (*first == *second) return "two puts named one version";
    if (auto saw = holds(subject, path, "", "second")) return saw;
    if (auto saw = holds(subject, path, *first, "first")) return saw;
    const auto listed = subject.store->versions(path, callOf(subject));
    if (!listed) return "versions failed: " + listed.error().hint;
    for (const auto& version : {*first, *second})
        if (std::find(listed->begin(), listed->end(), version) == listed->end()) return "versions does not list " + version;
    return std::nullopt;
}

Saw saysThatAPathIsUnknown(Subject& subject) {
    if (auto saw = isGone(subject, subject.prefix + "/never")) return saw;
    const auto listed = subject.store->versions(subject.prefix + "/never", callOf(subject));
    if (listed && !listed->empty()) return "versions lists what was never put";
    return std::nullopt;
}

Saw removesEveryVersionAndAgain(Subject& subject) {
    for (const auto* name : {"/one", "/bytes", "/versions", "/never"}) {
        const std::string path = subject.prefix + name;
        for (int round = 0; round < 2; ++round)
            if (const auto removed = subject.store->remove(path, callOf(subject)); !removed)
                return "remove failed: " + removed.error().hint;
        if (auto saw = isGone(subject, path)) return saw;
    }
    return std::nullopt;
}

Saw keepsPathsApart(Subject& subject) {
    const std::string outer = subject.prefix + "/a";
    const std::string inner = subject.prefix + "/a/b";
    if (!subject.store->put(outer, secretOf("outer"), callOf(subject)) || !subject.store->put(inner, secretOf("inner"), callOf(subject)))
        return "put failed";
    if (auto saw = holds(subject, outer, "", "outer")) return saw;
    if (!subject.store->remove(outer, callOf(subject))) return "remove failed";
    if (auto saw = holds(subject, inner, "", "inner")) return "after its neighbour was removed: " + *saw;
    return subject.store->remove(inner, callOf(subject)) ? Saw() : Saw("remove failed");
}

}  // namespace

std::vector<contract::Case<SecretsSubject>> secretsContract() {
    return {{"answersWhatWasPut", answersWhatWasPut},
            {"keepsAnyBytes", keepsAnyBytes},
            {"newVersionsDoNotReplaceOldOnes", newVersionsDoNotReplaceOldOnes},
            {"saysThatAPathIsUnknown", saysThatAPathIsUnknown},
            {"keepsPathsApart", keepsPathsApart},
            {"removesEveryVersionAndAgain", removesEveryVersionAndAgain}};
}

}  // namespace agentidp::plugin::check
