"""Who may include whom (docs/architecture.md). Follows transitive includes, and keeps foreign libraries in the rooms that own them."""
import functools
import os
import re

from files import ROOT, sources, text_of

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)

# Lowest first. A room sees every room of the lines above its own, and nothing of its own line but itself.
LAYERS = [
    {'abi'},
    {'base'},
    {'model'},
    {'crypto', 'observe', 'config'},
    {'jose', 'plugin'},
    {'store'},
    {'keys', 'secrets', 'audit', 'policy', 'compliance', 'webhooks'},
    {'server'},
    {'control', 'app', 'cli'},
]
# Rooms beside the order: exactly these.
ASIDE = {
    'oauth': {'base', 'model', 'crypto', 'jose'},
    'registry': {'base', 'model', 'crypto', 'jose'},
    'macp': {'base', 'model', 'crypto', 'jose', 'oauth'},  # lets in by access tokens, signs and asks through the ports of oauth
    'http': {'base'},
}
# Seen from here up.
ASIDE_SEEN_FROM = {'oauth': 'server', 'registry': 'server', 'macp': 'server', 'http': 'server'}
# Neighbours of one line that may be seen, and why.
NEIGHBOURS = {
    'keys': {'audit'},        # a key's change of state is an Effect of the ledger
    'compliance': {'audit'},  # findings are events, and one job verifies the ledger
    'policy': {'audit'},      # bundles are signed notes; a push is an Effect of the ledger
    'webhooks': {'audit'},    # the outbox follows the ledger
    'app': {'control', 'cli'},  # serves the control socket
    'cli': {'control', 'app'},  # speaks to it; works in process where no daemon runs
}
# The C ABI is for those who stand at the border: the adapters, the wiring that names kinds, `agentidp plugin`.
ABI_SEEN_BY = {'plugin', 'app', 'cli'}

# Foreign headers: which rooms may use them at all. In a header only where no other room can reach it.
OWNERS = {
    'Poco/': {'app', 'cli', 'config', 'plugin', 'webhooks', 'compliance', 'http'},
    'boost/': {'http'},
    'openssl/': {'crypto', 'http', 'plugin/contract'},  # the suites judge plugins by OpenSSL, not by our own crypto
    'crypt.h': {'crypto'},
    'lua': {'policy'},
    're2/': {'policy'},
    'prometheus/': {'observe'},
    'nlohmann/': {'base'},
    'sqlite3': set(),
    'libpq': {'cli/import'},  # reads somebody else's database (docs/adr/0018)
    'curl/': set(),
}
NLOHMANN = ('kernel/base/json.cpp',)
PLUGINS_NLOHMANN = ('plugins/remote/json.cpp',)
# Folders of plugins/ that are no plugin but linked into several.
SHARED = ('plugins/sql/', 'plugins/ratelimit/', 'plugins/remote/', 'plugins/keystore/', 'plugins/vault/')
BEAST_FILES = 2


def room_of(name):
    parts = name.split('/')
    return parts[1] if parts[0] == 'kernel' and len(parts) > 2 else None


@functools.cache
def allowed(room):
    if room in ASIDE:
        return {room} | ASIDE[room]
    level = next(i for i, layer in enumerate(LAYERS) if room in layer)
    seen = {room} | NEIGHBOURS.get(room, set())
    for layer in LAYERS[:level]:
        seen |= layer
    for aside, since in ASIDE_SEEN_FROM.items():
        if level >= next(i for i, layer in enumerate(LAYERS) if since in layer):
            seen.add(aside)
    return seen - {'abi'} | ({'abi'} if room in ABI_SEEN_BY | {'abi'} else set())


@functools.cache
def includes_of(name):
    """(project files, foreign headers) that a file names itself."""
    own, foreign = [], []
    for quote, target in INCLUDE.findall(text_of(name)):
        beside = os.path.normpath(os.path.join(os.path.dirname(name), target))
        candidates = [f'kernel/{target}', f'kernel/abi/{target}', f'plugins/{target}'] + ([beside] if quote == '"' else [])
        found = next((path for path in candidates if (ROOT / path).is_file()), None)
        (own if found else foreign).append(found or target)
    return own, foreign


@functools.cache
def chains_from(name):
    """Every project file reachable from `name`, with the way there."""
    ways, queue = {name: [name]}, [name]
    while queue:
        current = queue.pop()
        for target in includes_of(current)[0]:
            if target not in ways:
                ways[target] = ways[current] + [target]
                queue.append(target)
    return ways


def check_rooms():
    found = []
    known = {room for layer in LAYERS for room in layer} | set(ASIDE)
    for name in sources('kernel'):
        room = room_of(name)
        if room not in known:
            found.append(f'{name}: the room {room} is in no layer of tests/lint/check_layers.py')
            continue
        reported = set()
        for target, way in sorted(chains_from(name).items(), key=lambda item: len(item[1])):
            other = room_of(target)
            if other is None:
                found.append(f'{name} includes {target}, which is no part of the kernel')
            elif other not in allowed(room) and other not in reported and room_of(way[-2]) != other:
                reported.add(other)
                found.append(f'{room} must not see {other}: ' + ' -> '.join(way))
    return found


def check_plugins():
    found = []
    for name in sources('plugins'):
        home = '/'.join(name.split('/')[:2])
        for target in includes_of(name)[0]:
            inside = target.startswith((home + '/', 'kernel/abi/agentidp/', *SHARED))
            if not inside:
                found.append(f'{name} includes {target}; a plugin sees agentidp/ and the shared folders of plugins/ only')
    return found


def owner_prefix(header):
    return next((prefix for prefix in OWNERS if header.startswith(prefix)), None)


def check_foreign():
    found, beast = [], []
    reach = {name: chains_from(name) for name in sources('kernel')}
    for name in sources('kernel'):
        room = room_of(name)
        for header in includes_of(name)[1]:
            prefix = owner_prefix(header)
            if prefix is None:
                continue
            if room not in OWNERS[prefix] and not name.startswith(tuple(f'kernel/{folder}/' for folder in OWNERS[prefix])):
                found.append(f'{name} includes <{header}>, which belongs to {", ".join(sorted(OWNERS[prefix])) or "plugins"}')
            if prefix == 'nlohmann/' and name not in NLOHMANN:
                found.append(f'{name} includes <{header}>; only {NLOHMANN[0]} may')
            if header.startswith('boost/beast') and name.endswith('.cpp'):
                beast.append(name)
            if not name.endswith('.cpp'):
                strangers = sorted(other for other, ways in reach.items() if name in ways and room_of(other) != room)
                if strangers:
                    found.append(f'{name} shows <{header}> to {strangers[0]}')
    for name in sources('kernel'):
        hidden = [target for target in reach[name] if target != name and any(h.startswith('boost/beast') for h in includes_of(target)[1])]
        if name.endswith('.cpp') and hidden and name not in beast:
            beast.append(name)
    if len(set(beast)) > BEAST_FILES:
        found.append(f'Beast compiles in {len(set(beast))} files, {BEAST_FILES} are allowed: ' + ', '.join(sorted(set(beast))))
    for name in sources('plugins'):
        for header in includes_of(name)[1]:
            if header.startswith('nlohmann/') and name not in PLUGINS_NLOHMANN and not name.startswith('plugins/sql/'):
                found.append(f'{name} includes <{header}>; only plugins/sql and {PLUGINS_NLOHMANN[0]} may')
    return found


CHECKS = {'layers': check_rooms, 'plugin-border': check_plugins, 'foreign-headers': check_foreign}
