#pragma once
/// @file plugins/keystore/key_folder.h
/// A directory (0700) of small files (0600) of our own. A file is whole or absent whatever happens meanwhile: written beside its place,
/// synced, moved there, directory synced. What others could read or have written is refused by name. Any thread.
#include <agentidp/plugin.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace agentidp::keystore {

class KeyFolder {
public:
    KeyFolder() = default;
    KeyFolder(KeyFolder&& other) noexcept;
    KeyFolder& operator=(KeyFolder&& other) noexcept;
    ~KeyFolder();

    /// Makes the directory if it is absent; its parent must be there.
    static aip::Outcome<KeyFolder> open(const std::string& path);

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string pathOf(std::string_view name) const { return path_ + "/" + std::string(name); }
    /// Every entry but `.` and `..`, sorted.
    [[nodiscard]] aip::Outcome<std::vector<std::string>> names() const;
    /// AIP_E_NOTFOUND: absent. AIP_E_DENIED: a link, a directory, somebody else's, or open to others. AIP_E_INVALID: larger than `most`.
    [[nodiscard]] aip::Outcome<aip::Secret> read(const std::string& name, std::size_t most) const;
    /// `Fresh`: AIP_E_EXISTS where the name is taken.
    enum class Place { Fresh, Over };
    [[nodiscard]] aip::Status write(const std::string& name, std::string_view bytes, Place place) const;
    /// Removes what an interrupted write left behind. Only where no other process writes here.
    void removeLeftovers() const;
    /// The directory is still there and still ours.
    [[nodiscard]] aip::Status check() const;

private:
    std::string path_;
    int directory_ = -1;
};

}  // namespace agentidp::keystore
