#pragma once
/// @file kernel/crypto/certificate.h
/// Whom an X.509 certificate names (RFC 5280). It is read here, never judged: who hands one over has verified its chain. Any thread.
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace agentidp::crypto {

struct CertificateNames {
    std::string subject;            ///< the distinguished name as RFC 2253 writes it, UTF-8; empty where it is
    std::vector<std::string> uris;  ///< subjectAltName, in the order of the certificate
    std::vector<std::string> dns;
    /// The name to know its holder by: the first URI (SPIFFE ids are URIs), else the first DNS name, else the subject.
    [[nodiscard]] const std::string& principal() const;
};

/// Errors: Invalid (no certificate, or a name that holds a NUL).
[[nodiscard]] base::Result<CertificateNames> namesOfCertificate(base::BytesView der);

}  // namespace agentidp::crypto
