#include "config/secret_ref.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace agentidp::config {
namespace {

using base::Errc;

constexpr std::string_view kFile = "file:";
constexpr std::string_view kCred = "cred:";
constexpr std::string_view kEnv = "env:";

/// Systemd gives credentials to the service alone; a file anywhere else must show by its mode that nobody else reads it.
enum class Guard { Mode, Folder };

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

base::Error failure(Errc code, std::string_view reference, const std::string& why) {
    return base::fail(code, std::string(reference) + ": " + why);
}

std::string system(int number) {
    std::array<char, 128> text{};
    return ::strerror_r(number, text.data(), text.size());
}

void dropLineEnd(base::Bytes& bytes) {
    const auto drop = [&](std::uint8_t end) {
        if (!bytes.empty() && bytes.back() == end) bytes.pop_back();
    };
    const std::size_t before = bytes.size();
    drop('\n');
    if (bytes.size() != before) drop('\r');
}

base::Result<base::Secret> readSecret(std::string_view reference, const std::string& path, Guard guard) {
    // O_NONBLOCK: opening a pipe nobody writes to must not hang a start.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (file.get() < 0) {
        const int reason = errno;
        return failure(reason == ENOENT ? Errc::NotFound : Errc::Unavailable, reference, system(reason));
    }
    struct stat about {};
    if (::fstat(file.get(), &about) != 0) return failure(Errc::Unavailable, reference, system(errno));
    if (!S_ISREG(about.st_mode)) return failure(Errc::Invalid, reference, "is no regular file");
    if (guard == Guard::Mode && (about.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)) != 0)
        return failure(Errc::Invalid, reference, "others may read or write it; chmod 0600, or give it as a credential (cred:NAME)");
    if (about.st_size > static_cast<off_t>(kMaxSecretBytes)) return failure(Errc::TooLarge, reference, "is over 64 KB");

    base::Bytes bytes(kMaxSecretBytes + 1);
    std::size_t size = 0;
    while (size < bytes.size()) {
        const auto count = ::read(file.get(), bytes.data() + size, bytes.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            const int reason = errno;
            base::wipe(bytes.data(), bytes.size());
            return failure(Errc::Unavailable, reference, system(reason));
        }
        if (count == 0) break;
        size += static_cast<std::size_t>(count);
    }
    base::Bytes exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    base::wipe(bytes.data(), bytes.size());
    dropLineEnd(exact);
    base::Secret secret(std::move(exact));
    if (size > kMaxSecretBytes) return failure(Errc::TooLarge, reference, "is over 64 KB");
    if (secret.empty()) return failure(Errc::Invalid, reference, "is empty");
    return secret;
}

}  // namespace

bool isSecretReference(std::string_view text) {
    for (const auto prefix : {kFile, kCred, kEnv})
        if (text.starts_with(prefix)) return text.size() > prefix.size();
    return false;
}

base::Result<base::Secret> SecretResolver::resolve(std::string_view reference) const {
    if (!isSecretReference(reference))
        return base::fail(Errc::Invalid, "a secret must be named as file:PATH, cred:NAME or env:NAME");  // never quote what may be one
    if (reference.find('\0') != std::string_view::npos) return base::fail(Errc::Invalid, "a secret reference holds a NUL");

    const auto* folder = find(environment_, "CREDENTIALS_DIRECTORY");
    if (reference.starts_with(kFile)) {
        const std::string path(reference.substr(kFile.size()));
        const bool credential = folder != nullptr && path.starts_with(*folder + "/") && path.find("/../") == std::string::npos;
        return readSecret(reference, path, credential ? Guard::Folder : Guard::Mode);
    }
    if (reference.starts_with(kCred)) {
        const auto name = reference.substr(kCred.size());
        if (name.find('/') != std::string_view::npos || name == "." || name == "..")
            return failure(Errc::Invalid, reference, "a credential's name holds no '/'");
        if (folder == nullptr)
            return failure(Errc::NotFound, reference, "CREDENTIALS_DIRECTORY is not set; systemd sets it with LoadCredential=");
        return readSecret(reference, *folder + "/" + std::string(name), Guard::Folder);
    }
    const auto* value = find(environment_, reference.substr(kEnv.size()));
    if (value == nullptr) return failure(Errc::NotFound, reference, "the variable is not set or empty");
    if (value->size() > kMaxSecretBytes) return failure(Errc::TooLarge, reference, "is over 64 KB");
    const auto bytes = base::bytesOf(*value);
    return base::Secret(base::Bytes(bytes.begin(), bytes.end()));
}

}  // namespace agentidp::config
