#pragma once
/// @file plugins/vault/kv.h
/// Secrets of a KV version 2 engine: <mount>/data/<path>, versions, and their end.
#include <optional>
#include <string>
#include <vector>

#include "session.h"

namespace agentidp::vault {

/// Any thread, as the session it uses and does not own.
class Kv {
public:
    explicit Kv(Session& session) : session_(session), mount_(session.settings().mount) {}

    struct Held {
        remote::Json data;
        std::int64_t version = 0;
    };
    /// AIP_E_NOTFOUND: never written, or ended. `version` 0: the newest.
    aip::Outcome<Held> get(const std::string& path, std::int64_t version, const aip::Call& call);
    /// Answers the version. `expect`: the version it must have now, 0 for none yet; another one: AIP_E_CONFLICT.
    aip::Outcome<std::int64_t> put(const std::string& path, remote::Object data, std::optional<std::int64_t> expect, const aip::Call& call);
    /// The names directly below; those that end in / have more below them. None is no failure.
    aip::Outcome<std::vector<std::string>> list(const std::string& path, const aip::Call& call);
    /// What can still be read, oldest first. AIP_E_NOTFOUND as get.
    aip::Outcome<std::vector<std::int64_t>> versions(const std::string& path, const aip::Call& call);
    /// Destroys the data of these versions for good; what is newer stays.
    aip::Status destroy(const std::string& path, const std::vector<std::int64_t>& versions, const aip::Call& call);
    /// Every version and all that is known of it. Nothing there is no failure.
    aip::Status remove(const std::string& path, const aip::Call& call);

private:
    [[nodiscard]] std::string at(const char* part, const std::string& path) const { return mount_ + "/" + part + "/" + path; }

    Session& session_;
    std::string mount_;
};

}  // namespace agentidp::vault
