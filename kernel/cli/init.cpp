#include <unistd.h>

#include "app/initialise.h"
#include "audit/appender.h"
#include "cli/opened.h"

namespace agentidp::cli {

int runInit(const Invocation& invocation) {
    auto loaded = settingsOf(invocation);
    if (!loaded) return kMisuse;
    int code = kFailed;
    const auto opened = open(std::move(*loaded), app::Purpose::Serve, code);
    if (!opened) return code;
    auto& foundation = *opened->foundation;
    const auto before = app::isInitialised(foundation.storage(), opened->clock);
    if (!before) return refuse(before.error());
    if (*before) return refuse("data.dir = " + foundation.dataDir() + " holds an installation already; nothing was changed", kFailed);

    auto replica = app::replicaName(foundation.dataDir());
    if (!replica) return refuse(replica.error());
    audit::LedgerOptions options;
    options.replica = *replica;
    options.origin = "agentidp/" + *replica;
    audit::LedgerAppender ledger(foundation.storage(), opened->clock, opened->log, std::move(options));
    if (auto started = ledger.start(); !started) return refuse(started.error());

    app::Initialisation work{foundation.storage(),
                             ledger,
                             foundation.dataKeys().peppers(),
                             opened->clock,
                             std::nullopt,
                             "cli:" + std::to_string(::getuid()),
                             [](const app::FirstAdmin&) { return base::Result<void>(); }};
    const auto& reference = foundation.settings().text(config::Setting::BootstrapSecret);
    if (!reference.empty()) {
        auto secret = foundation.secrets().resolve(reference);
        if (!secret) return refuse(secret.error());
        work.secret = std::move(*secret);
    }
    const auto admin = app::initialise(std::move(work));
    if (!admin) return refuse(admin.error());
    if (auto stopped = ledger.stop(base::milliseconds(10'000)); !stopped) return refuse(stopped.error());

    auto text = admin->json();
    if (invocation.json()) {
        std::cout << text << std::endl;
    } else {
        std::cout << "data directory: " << foundation.dataDir() << "\norganization:   " << admin->organizationId
                  << " (system)\nclient id:      " << admin->agentId << "\nclient secret:  " << admin->secret.text()
                  << "\nscopes:         ";
        for (const auto& scope : admin->scopes) std::cout << scope << " ";
        std::cout << "\n\nThe secret is shown this once. Start the daemon with: agentidpd" << std::endl;
    }
    base::wipe(text.data(), text.size());
    return kDone;
}

}  // namespace agentidp::cli
