#include "record.h"

#include "remote/base64.h"

namespace agentidp::keys_vault {
namespace {

struct FormName {
    Record::Form form;
    const char* member;
};
/// Which member of the secret holds the material says what it is.
constexpr FormName kForms[] = {{Record::Form::Plain, "pkcs8"},
                               {Record::Form::Wrapped, "wrapped"},
                               {Record::Form::Transit, "transit_key"},
                               {Record::Form::Retired, "retired_key"}};

}  // namespace

remote::Object write(const Record& record, std::int64_t retiredAtUs) {
    remote::Object out;
    out.text("alg", record.held.alg).text("jwk", record.held.jwk).text("created_us", std::to_string(record.held.createdAtUs));
    for (const auto& [form, member] : kForms) {
        if (form != record.form) continue;
        if (form == Record::Form::Plain)
            out.base64(member, record.material.view());
        else
            out.text(member, record.material.view());
    }
    if (record.form == Record::Form::Retired) out.text("retired_us", std::to_string(retiredAtUs));
    return out;
}

aip::Outcome<Record> readRecord(const remote::Json& data, std::string_view fingerprint) {
    const auto foreign = [fingerprint](const char* why) {
        return aip::invalid("a key in Vault is damaged or foreign",
                            "signing/" + std::string(fingerprint) + " " + why + ": undelete an older version of it");
    };
    Record record;
    const auto alg = data["alg"].text(), jwk = data["jwk"].text(), created = data["created_us"].text();
    if (!alg || !jwk || !created || !keystore::algorithmOf(*alg)) return foreign("is no key of ours");
    record.held = {std::string(fingerprint), std::string(*alg), std::string(*jwk), 0, false};
    for (const char digit : *created) {
        if (digit < '0' || digit > '9' || record.held.createdAtUs > INT64_MAX / 20) return foreign("has no time");
        record.held.createdAtUs = record.held.createdAtUs * 10 + (digit - '0');
    }
    int found = 0;
    for (const auto& [form, member] : kForms) {
        const auto text = data[member].text();
        if (!text) continue;
        ++found;
        record.form = form;
        if (form != Record::Form::Plain) {
            record.material = aip::Secret(*text);
        } else if (auto pkcs8 = remote::unbase64(*text)) {
            record.material = std::move(*pkcs8);
        } else {
            return foreign("is not base64");
        }
    }
    if (found != 1) return foreign("has no private part, or several");
    record.held.retired = record.form == Record::Form::Retired;
    return record;
}

}  // namespace agentidp::keys_vault
