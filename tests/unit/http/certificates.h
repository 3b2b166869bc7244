#pragma once
/// @file tests/unit/http/certificates.h
/// Certificates for a test, made on the spot: an authority, and leaves it signs. Files live in a temporary folder of their own.
#include <filesystem>
#include <memory>
#include <string>

struct evp_pkey_st;
struct x509_st;

namespace agentidp::http::tests {

class Authority {
public:
    explicit Authority(const std::string& name);
    ~Authority();
    Authority(const Authority&) = delete;
    Authority& operator=(const Authority&) = delete;

    struct Leaf {
        std::string certificateFile;
        std::string keyFile;
        std::string der;
    };
    enum class Use { Server, Client, ExpiredClient };
    Leaf issue(const std::string& name, Use use);
    [[nodiscard]] std::string certificateFile() const { return (folder_ / "ca.pem").string(); }
    [[nodiscard]] std::filesystem::path folder() const { return folder_; }

private:
    std::filesystem::path folder_;
    std::shared_ptr<evp_pkey_st> key_;
    std::shared_ptr<x509_st> certificate_;
    long serial_ = 1;
};

}  // namespace agentidp::http::tests
