// Writes the project of `agentidp plugin new KIND NAME --dir FOLDER` at build time, so that what authors begin with is compiled
// with our warnings and checked with our own command.
#include <cstdio>
#include <filesystem>

#include "plugin/scaffold.h"

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    std::filesystem::remove_all(argv[3]);
    const auto written = agentidp::plugin::scaffold(argv[1], argv[2], argv[3]);
    if (!written) std::fprintf(stderr, "%s\n", written.error().hint.c_str());
    return written ? 0 : 1;
}
