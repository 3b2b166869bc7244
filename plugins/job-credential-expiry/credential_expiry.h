#pragma once
/// @file plugins/job-credential-expiry/credential_expiry.h
/// Finds active credentials that end soon or have ended, a page of records a slice. Reporting is idempotent (the host folds repeats within
/// a day); what a whole scan found is counted once, when its last slice succeeds. One thread at a time.
#include <agentidp/plugin.hpp>

#include <string>

#include "scan.h"

namespace agentidp::job_credential_expiry {

class CredentialExpiry final : public aip::JobPlugin {
public:
    aip::Status configure(const aip::Config& config) override;
    aip::JobAbilities abilities() const override;
    aip::Outcome<aip::JobSlice> run(std::string_view cursor, const aip::Call& call) override;

private:
    aip::Outcome<Scan> begin() const;
    void conclude(const Scan& scan);

    std::int64_t warnUs_ = 0;
    std::int64_t slice_ = 0;
    std::string counted_;  ///< the scan that was counted last
};

}  // namespace agentidp::job_credential_expiry
