"""Reads the .def tables of the kernel: each row is one macro call whose arguments are texts, numbers, words or word(arguments).

Used by generate.py (documents) and check_tables.py (every id used, once). Standard library only.
"""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

TOKEN = re.compile(r'''\s*(?:
    (?P<text>"(?:[^"\\]|\\.)*") |
    (?P<number>-?\d+) |
    (?P<word>[A-Za-z_][A-Za-z0-9_]*) |
    (?P<mark>[(),|]) |
    (?P<comment>//[^\n]*)
)''', re.VERBOSE)

ESCAPES = {'n': '\n', 't': '\t', '"': '"', '\\': '\\'}


class Call:
    """`integer(1, 3600)` in a row."""

    def __init__(self, name, arguments):
        self.name = name
        self.arguments = arguments


def unquote(token):
    return re.sub(r'\\(.)', lambda match: ESCAPES[match.group(1)], token[1:-1])


def tokens(source, where):
    at = 0
    while source[at:].strip():
        match = TOKEN.match(source, at)
        if not match:
            raise ValueError(f'{where}: cannot read {source[at:at + 40]!r}')
        at = match.end()
        kind = match.lastgroup
        if kind != 'comment':
            yield kind, match.group(kind)


def arguments(stream):
    """Reads up to the closing parenthesis; neighbouring texts are one text, as in C++."""
    found, kind, value = [], None, None
    while True:
        kind, value = next(stream)
        if (kind, value) == ('mark', ')'):
            return found
        if kind == 'mark' and value in ',|':
            if value == '|':  # `Allow | Deny` is one argument
                found.append(found.pop() + ' | ' + next(stream)[1])
            continue
        if kind == 'text':
            text = unquote(value)
            for kind, value in stream:
                if kind != 'text':
                    break
                text += unquote(value)
            found.append(text)
            if (kind, value) == ('mark', ')'):
                return found
        elif kind == 'number':
            found.append(int(value))
        elif (kind, value) == ('mark', '('):
            found[-1] = Call(found[-1], arguments(stream))
        else:
            found.append(value)


def rows(path, macro, others=()):
    """The argument lists of every `macro(...)` in the file, which holds nothing else but those of `others` and comments."""
    where = pathlib.Path(path)
    stream = tokens((ROOT / where).read_text(encoding='utf-8'), where)
    found = []
    for kind, value in stream:
        if kind != 'word' or value not in (macro, *others):
            raise ValueError(f'{where}: expected {macro}(...), found {value}')
        if next(stream) != ('mark', '('):
            raise ValueError(f'{where}: expected ( after {value}')
        row = arguments(stream)
        if value == macro:
            found.append(row)
    return found


def settings():
    return rows('kernel/config/settings.def', 'AGENTIDP_SETTING')


def messages():
    return rows('kernel/observe/messages.def', 'AGENTIDP_MESSAGE')


def metrics():
    return rows('kernel/observe/metrics.def', 'AGENTIDP_METRIC')


def audit_actions():
    return rows('kernel/model/audit_actions.def', 'AGENTIDP_AUDIT_ACTION')


def problems():
    return rows('kernel/model/problems.def', 'AGENTIDP_PROBLEM')


def routes():
    return rows('kernel/server/routes.def', 'AGENTIDP_ROUTE')


def hook_points():
    return rows('kernel/policy/hook_points.def', 'AGENTIDP_HOOK_POINT', ('AGENTIDP_HOOK_FIELD',))


def hook_fields():
    return rows('kernel/policy/hook_points.def', 'AGENTIDP_HOOK_FIELD', ('AGENTIDP_HOOK_POINT',))


def host_names():
    """(module, name, function, usage, says): functions and values alike, in the order of the table."""
    kinds = ('AGENTIDP_HOST_FUNCTION', 'AGENTIDP_HOST_VALUE')
    return [row for kind in kinds for row in rows('kernel/policy/host_api.def', kind, kinds)]


def restrictions():
    return rows('kernel/policy/sandbox.def', 'AGENTIDP_SANDBOX_RESTRICTION')


def oauth_errors():
    """The one table of OAuth errors lives in C++, beside the words RFC 6749 allows in it: (id, error, status, description)."""
    source = (ROOT / 'kernel/oauth/oauth_error.cpp').read_text(encoding='utf-8')
    found = re.findall(r'\{OauthCode::(\w+),\s*"([a-z_]+)",\s*(\d+),\s*"([^"]*)"\}', source)
    return [(name, error, int(status), text) for name, error, status, text in found]


def reference_variables():
    """Names in kernel/config/reference_variables.cpp."""
    source = (ROOT / 'kernel/config/reference_variables.cpp').read_text(encoding='utf-8')
    return list(dict.fromkeys(re.findall(r'"([A-Z][A-Z_]+)"', source)))
