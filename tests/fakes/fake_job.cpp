#include "fakes/fake_job.h"

namespace agentidp::tests {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Object;
using base::json::Value;

namespace {
aip_str str(std::string_view text) { return {text.data(), text.size()}; }

base::Error failure(aip_status status, const aip_error& error) {
    return fail(status == AIP_E_UNAVAILABLE ? Errc::Unavailable : Errc::Invalid, error.public_msg, error.detail);
}
}  // namespace

Result<Value> FakeJob::page(std::string_view cursor) {
    const auto* records = static_cast<const aip_records_v1*>(host_.iface("records.v1", 0));
    Object query{{"limit", 3}, {"status", "suspended"}};
    if (!cursor.empty()) query.emplace_back("cursor", cursor);
    const auto text = base::json::write(query);
    std::string answer;
    const aip_sink sink{&answer, [](void* into, const void* bytes, std::size_t size) -> std::int32_t {
                            static_cast<std::string*>(into)->append(static_cast<const char*>(bytes), size);
                            return 0;
                        }};
    aip_error error{};
    error.size = sizeof error;
    if (const auto status = records->read(records->self, nullptr, str("agents"), str(text), sink, &error); status != AIP_OK)
        return failure(status, error);
    return base::json::parse(answer);
}

Result<plugin::JobSlice> FakeJob::run(std::string_view cursor, const plugin::Call& call) {
    ++runs_;
    const auto late = [&] { return clock_.mono() >= call.deadline; };
    if (late()) return fail(Errc::Deadline, "the time given ran out");
    const auto answer = page(cursor);
    if (!answer) return answer.error();
    const auto* findings = static_cast<const aip_findings_v1*>(host_.iface("findings.v1", 0));
    const auto& records = *answer->find("records")->asArray();
    for (const auto& record : records) {
        if (late()) return fail(Errc::Deadline, "the time given ran out");
        const auto finding = base::json::write(Object{{"code", "agent_suspended"},
                                                      {"severity", "info"},
                                                      {"subject", record.textOr("agentId", "")},
                                                      {"organizationId", record.textOr("organizationId", "")}});
        aip_error error{};
        error.size = sizeof error;
        if (const auto status = findings->report(findings->self, nullptr, str(finding), &error); status != AIP_OK)
            return failure(status, error);
    }
    return plugin::JobSlice{answer->textOr("cursor", ""), static_cast<std::int64_t>(records.size())};
}

}  // namespace agentidp::tests
