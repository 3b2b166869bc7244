#include "crypto/certificate.h"

#include <openssl/x509v3.h>

#include "base/text.h"
#include "crypto/openssl_handles.h"

namespace agentidp::crypto {
namespace {

using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;
using Output = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;

std::string subjectOf(const X509* certificate) {
    const Output out(BIO_new(BIO_s_mem()));
    // Everything RFC 2253 asks for, but UTF-8 left readable.
    constexpr unsigned long kFlags = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
    if (!out || X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, kFlags) < 0) return {};
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return size <= 0 ? std::string() : std::string(text, static_cast<std::size_t>(size));
}

}  // namespace

const std::string& CertificateNames::principal() const {
    if (!uris.empty()) return uris.front();
    return dns.empty() ? subject : dns.front();
}

base::Result<CertificateNames> namesOfCertificate(base::BytesView der) {
    const auto* at = der.data();
    const Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    if (!certificate || at != der.data() + der.size()) return opensslError(base::Errc::Invalid, "that is no certificate");
    CertificateNames names;
    names.subject = subjectOf(certificate.get());
    const Names alternatives(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
        const auto* name = sk_GENERAL_NAME_value(alternatives.get(), i);
        if (name->type != GEN_URI && name->type != GEN_DNS) continue;
        const auto* text = name->type == GEN_URI ? name->d.uniformResourceIdentifier : name->d.dNSName;
        std::string value(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<std::size_t>(ASN1_STRING_length(text)));
        // Readers in C would see another name.
        if (value.find('\0') != std::string::npos) return base::fail(base::Errc::Invalid, "a name in the certificate holds a NUL");
        (name->type == GEN_URI ? names.uris : names.dns).push_back(std::move(value));
    }
    for (const auto* list : {&names.uris, &names.dns})
        for (const auto& name : *list)
            if (!base::isUtf8(name)) return base::fail(base::Errc::Invalid, "a name in the certificate is not UTF-8");
    if (!base::isUtf8(names.subject)) return base::fail(base::Errc::Invalid, "the certificate's subject is not UTF-8");
    return names;
}

}  // namespace agentidp::crypto
