#include "certificates.h"

#include <cppunit/TestAssert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

namespace agentidp::http::tests {
namespace {

std::shared_ptr<EVP_PKEY> makeKey() { return {EVP_EC_gen("P-256"), &EVP_PKEY_free}; }

void extend(X509* certificate, X509* issuer, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value),
                                                                                    &X509_EXTENSION_free);
    CPPUNIT_ASSERT(extension != nullptr);
    X509_add_ext(certificate, extension.get(), -1);
}

std::shared_ptr<X509> unsignedCertificate(const std::string& name, long serial, EVP_PKEY* key, long fromSeconds, long toSeconds) {
    std::shared_ptr<X509> certificate(X509_new(), &X509_free);
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), fromSeconds);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), toSeconds);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_pubkey(certificate.get(), key);
    return certificate;
}

void writePem(const std::filesystem::path& path, X509* certificate, EVP_PKEY* key) {
    const std::unique_ptr<FILE, decltype(&fclose)> file(fopen(path.c_str(), "w"), &fclose);
    CPPUNIT_ASSERT(file != nullptr);
    if (certificate != nullptr) PEM_write_X509(file.get(), certificate);
    if (key != nullptr) PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
}

}  // namespace

Authority::Authority(const std::string& name) : key_(makeKey()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "agentidp-tls-XXXXXX").string();
    CPPUNIT_ASSERT(mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    certificate_ = unsignedCertificate(name, serial_++, key_.get(), -3600, 3600);
    X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get()));
    extend(certificate_.get(), certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
    extend(certificate_.get(), certificate_.get(), NID_key_usage, "critical,keyCertSign");
    X509_sign(certificate_.get(), key_.get(), EVP_sha256());
    writePem(folder_ / "ca.pem", certificate_.get(), nullptr);
}

Authority::~Authority() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

Authority::Leaf Authority::issue(const std::string& name, Use use) {
    const auto key = makeKey();
    const bool expired = use == Use::ExpiredClient;
    const auto certificate = unsignedCertificate(name, serial_++, key.get(), -7200, expired ? -3600 : 3600);
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get()));
    extend(certificate.get(), certificate_.get(), NID_ext_key_usage, use == Use::Server ? "serverAuth" : "clientAuth");
    extend(certificate.get(), certificate_.get(), NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    X509_sign(certificate.get(), key_.get(), EVP_sha256());

    Leaf leaf{(folder_ / (name + ".pem")).string(), (folder_ / (name + ".key")).string(), {}};
    writePem(leaf.certificateFile, certificate.get(), nullptr);
    writePem(leaf.keyFile, nullptr, key.get());
    leaf.der.resize(static_cast<std::size_t>(i2d_X509(certificate.get(), nullptr)));
    auto* out = reinterpret_cast<unsigned char*>(leaf.der.data());
    i2d_X509(certificate.get(), &out);
    return leaf;
}

}  // namespace agentidp::http::tests
