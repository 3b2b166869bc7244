#include "cli/keys/generate.h"

#include <ostream>

#include "base/text.h"
#include "jose/jwk.h"

namespace agentidp::cli {
namespace {

constexpr std::string_view kHelp =
    "agentidp keys generate --jwk [--alg ES256|RS256|PS256|EdDSA] [--kid NAME] [--json]\n"
    "\n"
    "Makes a key pair and prints it: the private JWK, which is shown once and kept nowhere, and the JWKS of its public half.\n"
    "Without --kid the key is named by its RFC 7638 thumbprint. No daemon is asked.\n"
    "\n"
    "Examples\n"
    "  agentidp keys generate --jwk\n"
    "  agentidp keys generate --jwk --alg RS256 --kid key-1\n"
    "  export MACP_AUTH_SIGNING_KEY_JSON=\"$(agentidp keys generate --jwk --json | jq -c .privateJwk)\"\n";

struct Wanted {
    crypto::Algorithm alg = crypto::Algorithm::Es256;
    std::string kid;
    bool jwk = false;
    bool json = false;
    bool help = false;
};

base::Result<Wanted> parse(const std::vector<std::string>& arguments) {
    const auto misuse = [](std::string why) { return base::fail(base::Errc::Invalid, std::move(why)); };
    Wanted wanted;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        const auto takeValue = [&](std::string& into) {
            if (i + 1 >= arguments.size()) return false;
            into = arguments[++i];
            return true;
        };
        if (argument == "--jwk") {
            wanted.jwk = true;
        } else if (argument == "--json") {
            wanted.json = true;
        } else if (argument == "--help") {
            wanted.help = true;
        } else if (argument == "--kid") {
            if (!takeValue(wanted.kid) || wanted.kid.empty() || wanted.kid.size() > jose::kMaxKidLength || !base::isUtf8(wanted.kid))
                return misuse("--kid takes a name of 1 to 256 bytes");
        } else if (argument == "--alg") {
            std::string name;
            const auto alg = takeValue(name) ? crypto::algorithmNamed(name) : std::nullopt;
            if (!alg) return misuse("--alg is one of ES256, RS256, PS256, EdDSA");
            wanted.alg = *alg;
        } else {
            const auto near = base::nearest(argument, {"--jwk", "--alg", "--kid", "--json", "--help"});
            return misuse("unknown argument " + argument + (near ? ", did you mean " + *near + "?" : ""));
        }
    }
    if (!wanted.jwk && !wanted.help) return misuse("say what to print: agentidp keys generate --jwk");
    return wanted;
}

int failed(std::ostream& err, const base::Error& error, int code) {
    err << "agentidp keys generate: " << error.hint << "\n";
    return code;
}

}  // namespace

int runKeysGenerate(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    const auto wanted = parse(arguments);
    if (!wanted) return failed(err, wanted.error(), 2);
    if (wanted->help) {
        out << kHelp;
        return 0;
    }
    auto key = crypto::PrivateKey::generate(wanted->alg);
    if (!key) return failed(err, key.error(), 1);
    const std::string kid = wanted->kid.empty() ? jose::thumbprint(key->publicKey()) : wanted->kid;
    const jose::VerificationKey verification{model::KeyId(kid), wanted->alg, key->publicKey()};
    const auto secret = jose::exportPrivate({verification.kid, true, wanted->alg, std::move(*key)});
    if (!secret) return failed(err, secret.error(), 1);
    const std::string jwks = jose::writeJwks({verification});
    if (wanted->json)
        out << "{\"privateJwk\":" << secret->text() << ",\"jwks\":" << jwks << "}\n";
    else
        out << "Private JWK - keep it secret, it is shown once:\n" << secret->text() << "\n\nPublic JWKS:\n" << jwks << "\n";
    out.flush();
    return out.good() ? 0 : failed(err, base::fail(base::Errc::Unavailable, "the key could not be written out"), 1);
}

}  // namespace agentidp::cli
