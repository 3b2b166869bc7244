#include "credential_expiry.h"

#include <cstdio>

namespace agentidp::job_credential_expiry {

aip::Status CredentialExpiry::configure(const aip::Config& config) {
    warnUs_ = config.integer("warn_days", 14) * kDayUs;
    slice_ = config.integer("slice", 100);
    return {};
}

aip::JobAbilities CredentialExpiry::abilities() const {
    return {3'600, "Reports active credentials that end within plugins.job-credential-expiry.warn_days, or have ended."};
}

aip::Outcome<Scan> CredentialExpiry::begin() const {
    std::uint64_t number = 0;
    if (auto random = host().random(&number, sizeof number); !random) return random.fail();
    char id[17];
    std::snprintf(id, sizeof id, "%016llx", static_cast<unsigned long long>(number));
    Scan scan;
    scan.id = id;
    scan.beganUs = host().wallUs();
    return scan;
}

aip::Outcome<aip::JobSlice> CredentialExpiry::run(std::string_view cursor, const aip::Call& call) {
    Scan scan;
    if (cursor.empty()) {
        auto fresh = begin();
        if (!fresh) return fresh.fail();
        scan = std::move(*fresh);
    } else if (auto known = scanOf(cursor)) {
        scan = std::move(*known);
    } else {
        return aip::invalid("not a cursor of this job");
    }

    aip::Fields query;
    if (!scan.records.empty()) query.text("cursor", scan.records);
    query.integer("limit", slice_).text("status", "active").integer("expiresBefore", scan.beganUs + warnUs_);
    const auto json = readRecords("credentials", query.json(), call);
    if (!json) return json.fail();
    auto page = parsePage(*json);
    if (!page) return aip::internal("the host's records cannot be read");

    for (const auto& record : page->records) {
        const auto verdict = judge(record, scan.beganUs, warnUs_);
        if (verdict == Verdict::Fine) continue;
        if (auto over = call.check(); !over) return over.fail();
        if (auto reported = reportFinding(findingOf(record, verdict), call); !reported) return reported.fail();
        const bool expired = verdict == Verdict::Expired || verdict == Verdict::ExpiredLongAgo;
        ++(expired ? scan.expired : scan.expiring);
    }
    aip::JobSlice slice;
    slice.processed = static_cast<std::int64_t>(page->records.size());
    if (page->cursor.empty()) {
        conclude(scan);
        return slice;
    }
    scan.records = std::move(page->cursor);
    slice.cursor = cursorOf(scan);
    return slice;
}

/// The host may run a slice again that it did not see succeed.
void CredentialExpiry::conclude(const Scan& scan) {
    setGauge("credentials_expiring", static_cast<double>(scan.expiring));
    if (scan.id == counted_) return;
    if (scan.expiring > 0) addToCounter("credentials_expiring_soon", static_cast<double>(scan.expiring));
    counted_ = scan.id;
}

}  // namespace agentidp::job_credential_expiry

AGENTIDP_PLUGIN(JOB, agentidp::job_credential_expiry::CredentialExpiry, "credential-expiry", "1.0.0", "AgentIdP", AIP_F_BLOCKS, R"json({
    "warn_days": {"type": "integer", "default": 14, "min": 1, "max": 365, "doc": "How many days before its end a credential is reported."},
    "slice": {"type": "integer", "default": 100, "min": 1, "max": 1000, "doc": "Records a slice. Smaller: more slices, each with more time for its reports."}
})json")
