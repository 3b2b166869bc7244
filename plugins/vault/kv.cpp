#include "kv.h"

#include <algorithm>
#include <charconv>

namespace agentidp::vault {

aip::Outcome<Kv::Held> Kv::get(const std::string& path, std::int64_t version, const aip::Call& call) {
    const auto answer = session_.read(at("data", path) + (version > 0 ? "?version=" + std::to_string(version) : ""), call);
    if (!answer) return answer.fail();
    Held held{(*answer)["data"]["data"], 0};
    if (held.data.empty()) return aip::notFound("Vault has nothing there", path + " was deleted");
    const auto number = (*answer)["data"]["metadata"]["version"].integer();
    if (!number) return aip::denied(session_.settings().setting("mount") + " is no KV engine of version 2", mount_ + "/" + path);
    held.version = *number;
    return held;
}

aip::Outcome<std::int64_t> Kv::put(const std::string& path, remote::Object data, std::optional<std::int64_t> expect,
                                   const aip::Call& call) {
    remote::Object body;
    if (expect) {
        remote::Object options;
        options.integer("cas", *expect);
        body.object("options", std::move(options));
    }
    const auto answer = session_.ask("POST", at("data", path), body.object("data", std::move(data)).done(), call);
    if (!answer) {
        if (answer.fail().status == AIP_E_INVALID && answer.fail().detail.find("check-and-set") != std::string::npos)
            return aip::conflict("somebody else wrote there first", answer.fail().detail);
        return answer.fail();
    }
    const auto number = (*answer)["data"]["version"].integer();
    if (!number) return aip::denied(session_.settings().setting("mount") + " is no KV engine of version 2", mount_ + "/" + path);
    return *number;
}

aip::Outcome<std::vector<std::string>> Kv::list(const std::string& path, const aip::Call& call) {
    const auto answer = session_.ask("LIST", at("metadata", path), {}, call);
    std::vector<std::string> names;
    if (!answer) return answer.fail().status == AIP_E_NOTFOUND ? aip::Outcome<std::vector<std::string>>(names) : answer.fail();
    for (const auto& each : (*answer)["data"]["keys"].items())
        if (const auto name = each.text()) names.emplace_back(*name);
    return names;
}

aip::Outcome<std::vector<std::int64_t>> Kv::versions(const std::string& path, const aip::Call& call) {
    const auto answer = session_.read(at("metadata", path), call);
    if (!answer) return answer.fail();
    std::vector<std::int64_t> all;
    for (const auto& [name, about] : (*answer)["data"]["versions"].members()) {
        std::int64_t number = 0;
        const auto end = name.data() + name.size();
        if (std::from_chars(name.data(), end, number).ptr != end || about["destroyed"].boolean().value_or(false)) continue;
        if (about["deletion_time"].text().value_or("").empty()) all.push_back(number);
    }
    std::sort(all.begin(), all.end());
    return all;
}

aip::Status Kv::destroy(const std::string& path, const std::vector<std::int64_t>& versions, const aip::Call& call) {
    if (versions.empty()) return {};
    std::string body = "{\"versions\":[";
    for (const auto each : versions) body += (body.back() == '[' ? "" : ",") + std::to_string(each);
    const auto answer = session_.ask("PUT", at("destroy", path), aip::Secret(body + "]}"), call);
    return answer.ok() ? aip::Status() : answer.fail();
}

aip::Status Kv::remove(const std::string& path, const aip::Call& call) {
    const auto answer = session_.ask("DELETE", at("metadata", path), {}, call);
    return answer.ok() || answer.fail().status == AIP_E_NOTFOUND ? aip::Status() : answer.fail();
}

}  // namespace agentidp::vault
