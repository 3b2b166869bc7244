#include "cli/arguments/arguments.h"

namespace agentidp::cli {

base::Result<Arguments> Arguments::read(const std::vector<std::string>& words, const std::set<std::string>& flags,
                                        const std::set<std::string>& options) {
    Arguments read;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        const auto equals = word.find('=');
        const std::string name = word.substr(0, equals);
        if (!name.starts_with("--")) {
            read.rest.push_back(word);
        } else if (equals == std::string::npos && flags.contains(name)) {
            read.flags.insert(name);
        } else if (!options.contains(name)) {
            return base::fail(base::Errc::Invalid, "unknown option " + name);
        } else if (equals != std::string::npos) {
            read.values[name] = word.substr(equals + 1);
        } else if (i + 1 < words.size()) {
            read.values[name] = words[++i];
        } else {
            return base::fail(base::Errc::Invalid, name + " wants a value");
        }
    }
    return read;
}

}  // namespace agentidp::cli
