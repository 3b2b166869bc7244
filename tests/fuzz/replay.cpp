/// The main() of a fuzz target where libFuzzer is not at hand: runs it over every file of its corpus, one test line in all.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
    const std::string name = std::string(AGENTIDP_FUZZ_NAME) + "::replaysItsCorpus";
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument == "--list") {
            std::cout << name << "\n";
            return 0;
        }
        if (argument == "-k" && i + 1 < argc && name.find(argv[++i]) == std::string::npos) return 0;
    }
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(AGENTIDP_FUZZ_CORPUS)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
        std::cerr << entry.path().filename().string() << "\n";  // the last one named is the one that broke it
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
        ++files;
    }
    if (files == 0) {
        std::cout << "not ok " << name << ": the corpus is empty\n";
        return 1;
    }
    std::cout << "ok " << name << "\n";
    return 0;
}
