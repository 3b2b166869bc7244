#include "plugin/contract/keys_contract.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "plugin/contract/jwk_check.h"

namespace agentidp::plugin::contract {
namespace {

using base::Bytes;
using base::bytesOf;
using base::BytesView;
using base::Errc;
using base::Result;
using base::Secret;
using Saw = std::optional<std::string>;
using Subject = KeysSubject;

constexpr std::string_view kKnownAlgorithms[] = {"ES256", "RS256", "PS256", "EdDSA"};

Call callOf(const Subject& subject) { return callWithin(*subject.clock, base::seconds(30), "contract"); }

std::string said(const base::Error& error) {
    return "error " + std::to_string(static_cast<int>(error.code)) + ": " + error.hint + " " + error.detail;
}

/// Wants `code`; says what came instead.
template <class T>
Saw wants(Errc code, const Result<T>& answer, const std::string& what) {
    if (answer.ok()) return what + " succeeded";
    if (answer.error().code != code)
        return what + ": wanted error " + std::to_string(static_cast<int>(code)) + ", saw " + said(answer.error());
    return std::nullopt;
}

bool offers(const Subject& subject, std::string_view alg) {
    const auto& algorithms = subject.keys->abilities().algorithms;
    return std::find(algorithms.begin(), algorithms.end(), alg) != algorithms.end();
}

Saw faultInHeld(const HeldKey& held, std::string_view alg) {
    if (held.alg != alg) return "the key says alg " + held.alg;
    if (auto fault = faultIn(held.jwk, alg)) return fault;
    if (thumbprintOf(held.jwk) != held.fingerprint)
        return "the fingerprint " + held.fingerprint + " is not the RFC 7638 thumbprint of the JWK";
    return std::nullopt;
}

/// Signs `data` and lets OpenSSL check it by the public JWK alone.
Saw faultInSignature(const Subject& subject, const HeldKey& held, BytesView data) {
    const auto signedData = subject.keys->sign(held.fingerprint, data, callOf(subject));
    if (!signedData) return "sign: " + said(signedData.error());
    if (signedData->fingerprint != held.fingerprint) return "another key signed: " + signedData->fingerprint;
    const auto good = verifies(held.jwk, held.alg, data, signedData->signature);
    if (!good) return said(good.error());
    if (!*good) return "OpenSSL does not verify the signature of " + std::to_string(data.size()) + " bytes";
    return std::nullopt;
}

/// Runs `check` once for each algorithm the plugin offers; the algorithm leads the answer.
Saw forEachAlgorithm(const Subject& subject, const std::function<Saw(const std::string&)>& check) {
    const auto algorithms = subject.keys->abilities().algorithms;
    for (const auto& alg : algorithms)
        if (auto saw = check(alg)) return alg + ": " + *saw;
    return std::nullopt;
}

Saw saysWhatItOffers(Subject& subject) {
    if (subject.keys->name().empty()) return "the plugin has no name";
    const auto health = subject.keys->health(callOf(subject));
    if (!health) return "health: " + said(health.error());
    const auto& abilities = subject.keys->abilities();
    if (abilities.algorithms.empty() && !abilities.wraps) return "no algorithm and no wrapping: the plugin is good for nothing";
    for (const auto& alg : abilities.algorithms)
        if (std::count(abilities.algorithms.begin(), abilities.algorithms.end(), alg) != 1 ||
            std::find(std::begin(kKnownAlgorithms), std::end(kKnownAlgorithms), alg) == std::end(kKnownAlgorithms))
            return "the algorithm " + alg + " is unknown or named twice";
    for (const std::string alg : {"none", "HS256", "", "es256", "ES256\n"})
        if (auto saw = wants(Errc::Unsupported, subject.keys->generate(alg, callOf(subject)), "generate of '" + alg + "'")) return saw;
    return std::nullopt;
}

Saw signsWithEveryAlgorithmItOffers(Subject& subject) {
    return forEachAlgorithm(subject, [&](const std::string& alg) -> Saw {
        const auto held = subject.keys->generate(alg, callOf(subject));
        if (!held) return "generate: " + said(held.error());
        if (auto fault = faultInHeld(*held, alg)) return fault;
        for (int i = 0; i < 8; ++i)
            if (auto fault = faultInSignature(subject, *held, bytesOf("header.payload" + std::to_string(i)))) return fault;
        const auto one = subject.keys->sign(held->fingerprint, bytesOf("one"), callOf(subject));
        if (!one) return "sign: " + said(one.error());
        const auto good = verifies(held->jwk, alg, bytesOf("two"), one->signature);
        if (good.ok() && *good) return "the signature of one text verifies for another";
        return std::nullopt;
    });
}

Saw signsNothingAndAMegabyte(Subject& subject) {
    return forEachAlgorithm(subject, [&](const std::string& alg) -> Saw {
        const auto held = subject.keys->generate(alg, callOf(subject));
        if (!held) return "generate: " + said(held.error());
        if (auto fault = faultInSignature(subject, *held, {})) return fault;
        Bytes large(1U << 20U);
        for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::uint8_t>(i * 31U >> 3U);
        return faultInSignature(subject, *held, large);
    });
}

Saw makesAnotherKeyEachTime(Subject& subject) {
    return forEachAlgorithm(subject, [&](const std::string& alg) -> Saw {
        const auto first = subject.keys->generate(alg, callOf(subject)), second = subject.keys->generate(alg, callOf(subject));
        if (!first || !second) return "generate failed";
        if (first->fingerprint == second->fingerprint) return "two generated keys are the same";
        if (auto fault = faultInSignature(subject, *first, bytesOf("first"))) return fault;
        return faultInSignature(subject, *second, bytesOf("second"));
    });
}

Result<std::optional<HeldKey>> listed(const Subject& subject, const std::string& fingerprint) {
    auto all = subject.keys->list(callOf(subject));
    if (!all) return all.error();
    std::optional<HeldKey> found;
    for (auto& key : *all) {
        if (key.fingerprint != fingerprint) continue;
        if (found) return base::fail(Errc::Internal, "listed twice");
        found = std::move(key);
    }
    return found;
}

Saw listsItsKeysAlsoAfterARestart(Subject& subject) {
    std::vector<HeldKey> made;
    if (auto saw = forEachAlgorithm(subject, [&](const std::string& alg) -> Saw {
            auto held = subject.keys->generate(alg, callOf(subject));
            if (!held) return "generate: " + said(held.error());
            made.push_back(std::move(*held));
            return std::nullopt;
        }))
        return saw;
    for (const bool restarted : {false, true}) {
        if (restarted) {
            const auto again = subject.restart();
            if (!again) return "restart: " + said(again.error());
        }
        for (const auto& held : made) {
            const auto entry = listed(subject, held.fingerprint);
            if (!entry) return "list: " + said(entry.error());
            if (!entry->has_value()) return held.alg + " is not listed" + (restarted ? " after a restart" : "");
            const auto& found = **entry;
            if (found.alg != held.alg || found.retired || found.jwk != held.jwk) return held.alg + " is listed otherwise than it was made";
            if (auto fault = faultInSignature(subject, held, bytesOf("listed"))) return held.alg + ": " + *fault;
        }
    }
    return std::nullopt;
}

Saw refusesToSignOnceRetired(Subject& subject) {
    return forEachAlgorithm(subject, [&](const std::string& alg) -> Saw {
        const auto held = subject.keys->generate(alg, callOf(subject)), other = subject.keys->generate(alg, callOf(subject));
        if (!held || !other) return "generate failed";
        if (auto fault = faultInSignature(subject, *held, bytesOf("before"))) return fault;
        const auto retired = subject.keys->retire(held->fingerprint, callOf(subject));
        if (!retired) return "retire: " + said(retired.error());
        const auto sign = [&] { return subject.keys->sign(held->fingerprint, bytesOf("after"), callOf(subject)); };
        if (auto saw = wants(Errc::Denied, sign(), "signing with a retired key")) return saw;
        const auto again = subject.keys->retire(held->fingerprint, callOf(subject));
        if (!again) return "retire a second time: " + said(again.error());
        const auto fresh = subject.restart();
        if (!fresh) return "restart: " + said(fresh.error());
        if (auto saw = wants(Errc::Denied, sign(), "signing with a retired key after a restart")) return saw;
        const auto afterwards = subject.keys->retire(held->fingerprint, callOf(subject));
        if (!afterwards) return "retire after a restart: " + said(afterwards.error());
        const auto entry = listed(subject, held->fingerprint);
        if (!entry) return "list: " + said(entry.error());
        if (entry->has_value() && !(*entry)->retired) return "the retired key is listed as if it could sign";
        return faultInSignature(subject, *other, bytesOf("the other key"));
    });
}

Saw importsAndGivesBackTheSameKey(Subject& subject) {
    const bool exportable = subject.keys->abilities().exportable;
    return forEachAlgorithm(subject, [&](const std::string& alg) -> Saw {
        const auto pkcs8 = freshPkcs8(alg);
        if (!pkcs8) return said(pkcs8.error());
        const auto held = subject.keys->import(alg, *pkcs8, callOf(subject));
        // A backend that never lets private keys in says so, as one that never lets them out does.
        if (!held) return held.error().code == Errc::Unsupported ? Saw() : "import: " + said(held.error());
        if (auto fault = faultInHeld(*held, alg)) return fault;
        if (auto fault = faultInSignature(subject, *held, bytesOf("imported"))) return fault;
        if (auto saw = wants(Errc::Exists, subject.keys->import(alg, *pkcs8, callOf(subject)), "a second import of the same key"))
            return saw;
        const auto exported = subject.keys->exportPrivate(held->fingerprint, callOf(subject));
        if (!exportable) return wants(Errc::Unsupported, exported, "export from a plugin that says it cannot");
        if (!exported) return "export: " + said(exported.error());
        if (!std::ranges::equal(exported->view(), pkcs8->view())) return "the exported key is not, byte for byte, the imported one";
        return std::nullopt;
    });
}

Saw exportsWhatItGenerated(Subject& subject) {
    return forEachAlgorithm(subject, [&](const std::string& alg) -> Saw {
        const auto held = subject.keys->generate(alg, callOf(subject));
        if (!held) return "generate: " + said(held.error());
        const auto exported = subject.keys->exportPrivate(held->fingerprint, callOf(subject));
        if (!subject.keys->abilities().exportable) return wants(Errc::Unsupported, exported, "export from a plugin that says it cannot");
        if (!exported) return "export: " + said(exported.error());
        // The same private key has the same thumbprint wherever it comes back in.
        if (auto saw = wants(Errc::Exists, subject.keys->import(alg, *exported, callOf(subject)), "an import of its own export"))
            return saw;
        return std::nullopt;
    });
}

Saw refusesWhatIsNoKeyOfTheAlgorithm(Subject& subject) {
    return forEachAlgorithm(subject, [&](const std::string& alg) -> Saw {
        const auto good = freshPkcs8(alg), wrong = freshPkcs8(alg == "EdDSA" ? "ES256" : "EdDSA");
        if (!good || !wrong) return "OpenSSL made no key";
        const auto probe = subject.keys->import(alg, *wrong, callOf(subject));
        if (!probe.ok() && probe.error().code == Errc::Unsupported) return std::nullopt;
        if (auto saw = wants(Errc::Invalid, probe, "import of another algorithm's key")) return saw;
        Bytes longer(good->view().begin(), good->view().end());
        longer.push_back(0);
        const Bytes shorter(longer.begin(), longer.end() - 2);
        const Bytes garbage{0x30, 0x82, 0xff, 0xff, 0x02, 0x01};
        for (const auto& bytes : {longer, shorter, garbage, Bytes{}})
            if (auto saw = wants(Errc::Invalid, subject.keys->import(alg, Secret(Bytes(bytes)), callOf(subject)),
                                 "import of " + std::to_string(bytes.size()) + " bytes that are no PKCS#8"))
                return saw;
        if (alg != "RS256" && alg != "PS256") return std::nullopt;
        const auto small = freshPkcs8(alg, 1024);
        if (!small) return "OpenSSL made no key of 1024 bits";
        return wants(Errc::Invalid, subject.keys->import(alg, *small, callOf(subject)), "import of an RSA key of 1024 bits");
    });
}

Saw knowsNothingOfUnknownFingerprints(Subject& subject) {
    const std::string unknown[] = {std::string(43, 'A'), "", "../kek", std::string("a\0b", 3), std::string(5'000, 'x')};
    for (const auto& fingerprint : unknown) {
        const auto what = " of an unknown fingerprint (" + std::to_string(fingerprint.size()) + " bytes)";
        if (auto saw = wants(Errc::NotFound, subject.keys->sign(fingerprint, bytesOf("x"), callOf(subject)), "sign" + what)) return saw;
        if (auto saw = wants(Errc::NotFound, subject.keys->retire(fingerprint, callOf(subject)), "retire" + what)) return saw;
        const auto exported = subject.keys->exportPrivate(fingerprint, callOf(subject));
        const auto code = subject.keys->abilities().exportable ? Errc::NotFound : Errc::Unsupported;
        if (auto saw = wants(code, exported, "export" + what)) return saw;
    }
    return std::nullopt;
}

Secret secretOf(std::size_t size) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + 3);
    return Secret(std::move(bytes));
}

Saw wrapsDataKeysAlsoAcrossARestart(Subject& subject) {
    if (!subject.keys->abilities().wraps)
        return wants(Errc::Unsupported, subject.keys->wrap(secretOf(32), "aad", callOf(subject)), "wrap by a plugin that says it cannot");
    std::vector<std::pair<std::size_t, Bytes>> all;
    for (const std::size_t size : {1, 16, 32, 4'096}) {
        const auto plain = secretOf(size);
        const auto wrapped = subject.keys->wrap(plain, "data_keys/pepper", callOf(subject));
        if (!wrapped) return "wrap of " + std::to_string(size) + " bytes: " + said(wrapped.error());
        if (size >= 16 && std::search(wrapped->begin(), wrapped->end(), plain.view().begin(), plain.view().end()) != wrapped->end())
            return "the wrapped form shows the data key";
        all.emplace_back(size, *wrapped);
    }
    const auto twice = subject.keys->wrap(secretOf(32), "data_keys/pepper", callOf(subject));
    if (!twice) return "wrap: " + said(twice.error());
    if (*twice == all[2].second) return "wrapping the same twice gives the same bytes: no fresh nonce";
    for (const bool restarted : {false, true}) {
        if (restarted)
            if (const auto again = subject.restart(); !again) return "restart: " + said(again.error());
        for (const auto& [size, wrapped] : all) {
            const auto plain = subject.keys->unwrap(wrapped, "data_keys/pepper", callOf(subject));
            if (!plain) return "unwrap of " + std::to_string(size) + " bytes: " + said(plain.error());
            if (!std::ranges::equal(plain->view(), secretOf(size).view())) return "unwrap gave other bytes than were wrapped";
        }
    }
    for (const std::size_t size : {0, 4'097})
        if (auto saw = wants(Errc::Invalid, subject.keys->wrap(secretOf(size), "a", callOf(subject)),
                             "wrap of " + std::to_string(size) + " bytes"))
            return saw;
    return std::nullopt;
}

Saw unwrapsOnlyWhatItWrappedForThisPlace(Subject& subject) {
    if (!subject.keys->abilities().wraps) return std::nullopt;
    const auto wrapped = subject.keys->wrap(secretOf(32), "data_keys/a", callOf(subject));
    if (!wrapped) return "wrap: " + said(wrapped.error());
    for (const std::string aad : {"data_keys/b", "data_keys/", "", "data_keys/a "})
        if (auto saw = wants(Errc::Invalid, subject.keys->unwrap(*wrapped, aad, callOf(subject)), "unwrap for '" + aad + "'")) return saw;
    for (std::size_t at = 0; at < wrapped->size(); ++at) {
        Bytes changed = *wrapped;
        changed[at] ^= 0x01U;
        if (auto saw = wants(Errc::Invalid, subject.keys->unwrap(changed, "data_keys/a", callOf(subject)),
                             "unwrap with byte " + std::to_string(at) + " changed"))
            return saw;
    }
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, wrapped->size() - 1}) {
        const Bytes cut(wrapped->begin(), wrapped->begin() + static_cast<std::ptrdiff_t>(size));
        if (auto saw = wants(Errc::Invalid, subject.keys->unwrap(cut, "data_keys/a", callOf(subject)),
                             "unwrap of " + std::to_string(size) + " bytes"))
            return saw;
    }
    const auto good = subject.keys->unwrap(*wrapped, "data_keys/a", callOf(subject));
    return good ? Saw() : "unwrap after all refusals: " + said(good.error());
}

Saw signsOn64ThreadsWhileKeysComeAndGo(Subject& subject) {
    const auto& algorithms = subject.keys->abilities().algorithms;
    if (algorithms.empty()) return std::nullopt;
    const auto alg = offers(subject, "ES256") ? std::string("ES256") : algorithms.front();
    const auto one = subject.keys->generate(alg, callOf(subject)), two = subject.keys->generate(alg, callOf(subject));
    if (!one || !two) return "generate failed";
    const HeldKey* held[] = {&*one, &*two};
    std::vector<Saw> faults(64);
    std::vector<std::thread> threads;
    threads.reserve(faults.size());
    for (std::size_t i = 0; i < faults.size(); ++i)
        threads.emplace_back([&, i] {
            for (std::size_t round = 0; round < 8 && !faults[i]; ++round)
                faults[i] =
                    faultInSignature(subject, *held[(i + round) % 2], bytesOf("thread " + std::to_string(i) + "." + std::to_string(round)));
            if (i % 32 != 0 || faults[i]) return;
            const auto brief = subject.keys->generate(alg, callOf(subject));
            if (!brief)
                faults[i] = "generate: " + said(brief.error());
            else if (const auto gone = subject.keys->retire(brief->fingerprint, callOf(subject)); !gone)
                faults[i] = "retire: " + said(gone.error());
        });
    for (auto& thread : threads) thread.join();
    for (auto& fault : faults)
        if (fault) return fault;
    return std::nullopt;
}

}  // namespace

std::vector<Case<KeysSubject>> keysContract() {
    return {
        {"saysWhatItOffers", saysWhatItOffers},
        {"signsWithEveryAlgorithmItOffers", signsWithEveryAlgorithmItOffers},
        {"signsNothingAndAMegabyte", signsNothingAndAMegabyte},
        {"makesAnotherKeyEachTime", makesAnotherKeyEachTime},
        {"listsItsKeysAlsoAfterARestart", listsItsKeysAlsoAfterARestart},
        {"refusesToSignOnceRetired", refusesToSignOnceRetired},
        {"importsAndGivesBackTheSameKey", importsAndGivesBackTheSameKey},
        {"exportsWhatItGenerated", exportsWhatItGenerated},
        {"refusesWhatIsNoKeyOfTheAlgorithm", refusesWhatIsNoKeyOfTheAlgorithm},
        {"knowsNothingOfUnknownFingerprints", knowsNothingOfUnknownFingerprints},
        {"wrapsDataKeysAlsoAcrossARestart", wrapsDataKeysAlsoAcrossARestart},
        {"unwrapsOnlyWhatItWrappedForThisPlace", unwrapsOnlyWhatItWrappedForThisPlace},
        {"signsOn64ThreadsWhileKeysComeAndGo", signsOn64ThreadsWhileKeysComeAndGo},
    };
}

}  // namespace agentidp::plugin::contract
