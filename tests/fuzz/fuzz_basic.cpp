/// Any bytes as an Authorization field and as a body beside it: who is claimed is read strictly (RFC 6749 section 2.3.1), never from
/// two places at once. The input is split at the first line feed.
#include <string>

#include "byte_input.h"
#include "oauth/client_auth.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace agentidp;
    const auto text = fuzz::textOf(data, size);
    const auto line = text.find('\n');
    oauth::RawRequest request;
    request.contentType = "application/x-www-form-urlencoded";
    request.authorization = text.substr(0, line);
    if (line != std::string_view::npos) request.body = text.substr(line + 1);
    const auto form = oauth::Form::parse(request);
    if (!form) return 0;
    const auto presented = oauth::presentedClient(request, *form);
    if (!presented) return 0;
    fuzz::require(presented->method != oauth::AuthMethod::None || presented->secret.view().empty());
    fuzz::require(presented->method != oauth::AuthMethod::Basic || !form->has("client_secret"));
    return 0;
}
