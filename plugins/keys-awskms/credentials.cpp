#include "credentials.h"

#include <chrono>
#include <ctime>
#include <optional>

#include "remote/json.h"

namespace agentidp::keys_awskms {
namespace {

constexpr std::int64_t kRefreshBeforeUs = 300'000'000;
constexpr std::size_t kLargestToken = 16U << 10U;
constexpr auto kInstanceConnect = std::chrono::milliseconds(500);
constexpr const char* kContainerHost = "http://169.254.170.2";
constexpr const char* kInstanceHost = "http://169.254.169.254";
constexpr std::string_view kRoles = "/latest/meta-data/iam/security-credentials/";

std::optional<std::int64_t> timeIn(std::string_view text) {
    std::tm parts{};
    const char* end = strptime(std::string(text).c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    return end != nullptr ? std::optional(static_cast<std::int64_t>(timegm(&parts)) * 1'000'000) : std::nullopt;
}

aip::Outcome<SessionKey> sessionKey(std::string_view id, std::string_view secret, std::string_view token, std::string_view ends) {
    const auto endsUs = timeIn(ends);
    if (id.empty() || secret.empty() || token.empty() || !endsUs) return aip::unavailable("credentials came in a form that is not AWS's");
    auto key = std::make_shared<AccessKey>();
    key->id = id;
    key->secret = aip::Secret(secret);
    key->sessionToken = aip::Secret(token);
    return SessionKey{std::move(key), *endsUs};
}

/// The text of the one element of that name; these texts hold no markup.
std::string_view element(std::string_view xml, const std::string& name) {
    const auto open = "<" + name + ">", close = "</" + name + ">";
    const auto from = xml.find(open);
    if (from == std::string_view::npos || xml.find(open, from + 1) != std::string_view::npos) return {};
    const auto to = xml.find(close, from);
    return to == std::string_view::npos ? std::string_view() : xml.substr(from + open.size(), to - from - open.size());
}

void appendEncoded(aip::Secret& out, std::string_view text) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
            out.append(&c, 1);
        } else {
            const char escaped[] = {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
            out.append(escaped, 3);
        }
    }
}

aip::Outcome<remote::Answer> askOnce(const std::string& url, const std::string& caFile, const remote::Request& request,
                                     const aip::Call& call, std::chrono::milliseconds connect = std::chrono::milliseconds(2'000)) {
    remote::Settings settings;
    settings.url = url;
    settings.caFile = caFile;
    settings.connect = connect;
    settings.largestAnswer = 64U << 10U;
    const auto service = remote::Service::open(settings);
    if (!service) return service.fail();
    auto answer = (*service)->ask(request, call);
    if (!answer) return answer.fail();
    if (answer->status != 200)
        return aip::unavailable("credentials are not given", url + request.path + " answered " + std::to_string(answer->status));
    return answer;
}

}  // namespace

aip::Outcome<SessionKey> readSessionKey(std::string_view json) {
    const auto told = remote::Json::parse(json);
    if (!told) return told.fail();
    const auto text = [&told](std::string_view name) { return (*told)[name].text().value_or(std::string_view()); };
    return sessionKey(text("AccessKeyId"), text("SecretAccessKey"), text("Token"), text("Expiration"));
}

aip::Outcome<SessionKey> readAssumedRole(std::string_view xml) {
    return sessionKey(element(xml, "AccessKeyId"), element(xml, "SecretAccessKey"), element(xml, "SessionToken"),
                      element(xml, "Expiration"));
}

std::string Credentials::variable(const char* name) const {
    const auto given = host_.secret(std::string("env:") + name);
    return given ? std::string(given->view()) : std::string();
}

std::string Credentials::source() const {
    const std::lock_guard lock(mutex_);
    return source_;
}

void Credentials::discard(const Key& key) {
    const std::lock_guard lock(mutex_);
    if (held_.key == key) held_ = {};
}

aip::Outcome<Credentials::Key> Credentials::get(const aip::Call& call) {
    const auto current = [this](std::int64_t before) -> Key {
        const std::lock_guard lock(mutex_);
        return held_.key && (held_.endsUs == 0 || held_.endsUs - before > host_.wallUs()) ? held_.key : nullptr;
    };
    if (auto key = current(kRefreshBeforeUs)) return key;
    const std::unique_lock fetching(fetching_, call.left());
    if (!fetching.owns_lock()) return aip::deadline("credentials take too long");
    if (auto key = current(kRefreshBeforeUs)) return key;
    auto fetched = fetch(call);
    if (fetched) {
        const std::lock_guard lock(mutex_);
        held_ = *fetched;
        return held_.key;
    }
    // What is held is good for some minutes more.
    if (auto key = current(0)) return key;
    return fetched.fail();
}

aip::Outcome<Credentials::Fetched> Credentials::fetch(const aip::Call& call) {
    const auto from = [this](const char* source, aip::Outcome<Fetched> fetched) {
        const std::lock_guard lock(mutex_);
        if (fetched) source_ = source;
        return fetched;
    };
    if (!settings_.accessKeyId.empty())
        return from("settings", fromReferences(settings_.accessKeyId, settings_.secretAccessKey, settings_.sessionToken));
    if (const auto id = variable("AWS_ACCESS_KEY_ID"); !id.empty()) {
        const bool session = !variable("AWS_SESSION_TOKEN").empty();
        return from("environment", fromReferences(id, "env:AWS_SECRET_ACCESS_KEY", session ? "env:AWS_SESSION_TOKEN" : ""));
    }
    if (!variable("AWS_WEB_IDENTITY_TOKEN_FILE").empty()) return from("web identity", fromWebIdentity(call));
    if (!variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").empty() || !variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").empty())
        return from("container", fromContainer(call));
    return from("instance", fromInstance(call));
}

aip::Outcome<Credentials::Fetched> Credentials::fromReferences(const std::string& id, const std::string& secret,
                                                               const std::string& token) const {
    auto key = std::make_shared<AccessKey>();
    key->id = id;
    const auto read = [this](const std::string& reference, aip::Secret& out) -> aip::Status {
        auto given = host_.secret(reference);
        if (!given) return aip::denied("the AWS secret access key cannot be read", reference + ": " + given.fail().message);
        auto size = given->size();
        while (size > 0 && (given->view()[size - 1] == '\n' || given->view()[size - 1] == '\r')) --size;
        given->resize(size);
        out = std::move(*given);
        return {};
    };
    if (auto done = read(secret, key->secret); !done) return done.fail();
    if (!token.empty())
        if (auto done = read(token, key->sessionToken); !done) return done.fail();
    return Fetched{std::move(key), 0};
}

aip::Outcome<Credentials::Fetched> Credentials::fromWebIdentity(const aip::Call& call) {
    const auto file = variable("AWS_WEB_IDENTITY_TOKEN_FILE"), role = variable("AWS_ROLE_ARN");
    auto session = variable("AWS_ROLE_SESSION_NAME");
    if (role.empty()) return aip::denied("AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
    if (session.empty()) session = "agentidp";
    const auto token = host_.secret("file:" + file);
    if (!token || token->size() > kLargestToken) return aip::denied("the web identity token cannot be read", file);
    auto text = token->view();
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
    remote::Request request;
    request.method = "POST";
    request.path = "/";
    request.contentType = "application/x-www-form-urlencoded";
    for (const auto& [name, value] :
         {std::pair<std::string_view, std::string_view>{"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=", role},
          {"&RoleSessionName=", session},
          {"&WebIdentityToken=", text}}) {
        request.body.append(name.data(), name.size());
        appendEncoded(request.body, value);
    }
    const auto url = settings_.stsEndpoint.empty() ? "https://sts." + settings_.region + ".amazonaws.com" : settings_.stsEndpoint;
    const auto answer = askOnce(url, settings_.stsEndpoint.empty() ? std::string() : settings_.caFile, request, call);
    if (!answer) return aip::Fail{answer.fail().status, "AWS does not take the web identity for AWS_ROLE_ARN", answer.fail().detail};
    const auto told = readAssumedRole(answer->body.view());
    if (!told) return told.fail();
    return Fetched{told->key, told->endsUs};
}

aip::Outcome<Credentials::Fetched> Credentials::fromContainer(const aip::Call& call) {
    const auto relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    std::string base = kContainerHost, path = relative;
    if (relative.empty()) {
        const auto scheme = full.find("://");
        const auto slash = scheme == std::string::npos ? scheme : full.find('/', scheme + 3);
        base = full.substr(0, slash);
        path = slash == std::string::npos ? "/" : full.substr(slash);
        // As AWS's own tools: over plain HTTP only to this machine and to the addresses that the platform itself serves.
        const bool trusted = base.compare(0, 8, "https://") == 0 || base.compare(0, 17, "http://127.0.0.1:") == 0 ||
                             base == "http://127.0.0.1" || base.compare(0, 16, "http://localhost") == 0 || base == kContainerHost ||
                             base == "http://169.254.170.23";
        if (!trusted) return aip::denied("AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor this machine's");
    }
    remote::Request request;
    request.path = path;
    auto token = host_.secret("env:AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (const auto file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !file.empty()) token = host_.secret("file:" + file);
    if (token && !token->empty()) request.headers.push_back({"Authorization", std::move(*token)});
    const auto answer = askOnce(base, {}, request, call);
    if (!answer) return answer.fail();
    const auto told = readSessionKey(answer->body.view());
    if (!told) return told.fail();
    return Fetched{told->key, told->endsUs};
}

aip::Outcome<Credentials::Fetched> Credentials::fromInstance(const aip::Call& call) {
    const auto nobody = [](const std::string& why) {
        return aip::denied(
            "no AWS credentials",
            "neither in settings, nor AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CONTAINER_CREDENTIALS_*; instance metadata: " +
                why);
    };
    if (variable("AWS_EC2_METADATA_DISABLED") == "true") return nobody("disabled by AWS_EC2_METADATA_DISABLED");
    auto base = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    while (!base.empty() && base.back() == '/') base.pop_back();
    if (base.empty()) base = kInstanceHost;
    remote::Request session;
    session.method = "PUT";
    session.path = "/latest/api/token";
    session.headers.push_back({"X-aws-ec2-metadata-token-ttl-seconds", aip::Secret(std::string_view("21600"))});
    auto token = askOnce(base, {}, session, call, kInstanceConnect);
    if (!token) return nobody(token.fail().detail.empty() ? token.fail().message : token.fail().detail);
    const auto ask = [&](std::string path) {
        remote::Request request;
        request.path = std::move(path);
        request.headers.push_back({"X-aws-ec2-metadata-token", aip::Secret(token->body.view())});
        return askOnce(base, {}, request, call, kInstanceConnect);
    };
    const auto roles = ask(std::string(kRoles));
    if (!roles) return nobody("no role is attached to this instance");
    const auto role = roles->body.view().substr(0, roles->body.view().find('\n'));
    const auto answer = ask(std::string(kRoles) + std::string(role));
    if (!answer) return answer.fail();
    const auto told = readSessionKey(answer->body.view());
    if (!told) return told.fail();
    return Fetched{told->key, told->endsUs};
}

}  // namespace agentidp::keys_awskms
