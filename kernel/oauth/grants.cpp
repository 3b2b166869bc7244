#include "oauth/grant.h"

namespace agentidp::oauth {

std::vector<std::unique_ptr<GrantType>> allGrantTypes() {
    std::vector<std::unique_ptr<GrantType>> grants;
    grants.push_back(clientCredentialsGrant());
    return grants;
}

}  // namespace agentidp::oauth
