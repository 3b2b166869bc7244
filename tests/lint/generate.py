#!/usr/bin/env python3
"""Writes docs/generated/*.md and etc/agentidp.properties from the kernel's tables.

    tests/lint/generate.py           writes what differs, names each file written
    tests/lint/generate.py --check   writes nothing; exit 1 and one line for each file that differs
"""
import sys
import textwrap

import tables
from tables import ROOT

NOTE = '<!-- Written by tests/lint/generate.py from {}; edit that file, then run it. -->\n'


def cell(text):
    return str(text).replace('|', '\\|').replace('\n', ' ')


def table(head, body):
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    lines += ['| ' + ' | '.join(cell(item) for item in row) + ' |' for row in body]
    return '\n'.join(lines) + '\n'


def kind_of(call):
    words = {'text': 'text', 'name': 'plugin name', 'path': 'path', 'url': 'URL', 'endpoint': 'host:port', 'secret': 'secret reference',
             'flag': '`true` or `false`', 'list': 'list'}
    if call.name == 'choice':
        return ', '.join(f'`{choice}`' for choice in call.arguments[0].split(','))
    if call.name == 'integer':
        return f'{call.arguments[0]} to {call.arguments[1]}'
    return words[call.name]


def variable_of(key):
    return 'AGENTIDP_' + key.upper().replace('.', '_').replace('-', '_')


def settings_page():
    served = tables.reference_variables()
    body = [(f'`{key}`', kind_of(kind), f'`{default}`' if default else '', change.lower(), text)
            for _, key, kind, default, change, text in tables.settings()]
    return (NOTE.format('kernel/config/settings.def') + '# Settings\n\n'
            'Order, weakest first: built-in, reference variables, file, `AGENTIDP_` environment, command line (`-DKEY=VALUE`). In the '
            'environment `.` and `-` become `_`: `data.dir` is `AGENTIDP_DATA_DIR`. `agentidp config show` prints every value and where '
            'it came from, `agentidp check` every problem.\n\n'
            'Settings marked `reload` follow a SIGHUP, all others a restart. A secret reference is `file:PATH`, `cred:NAME` (a systemd '
            'credential) or `env:NAME`. Lists are separated by commas. Settings of a plugin are `plugins.<kind>-<name>.<key>`; its own page '
            'describes them. Those of one hook script are `hooks.<script>.mode` and `hooks.<script>.state`.\n\n'
            + table(['setting', 'values', 'default', 'applied at', 'meaning'], body)
            + '\n## Reference variables\n\nServed: ' + ', '.join(f'`{name}`' for name in served)
            + '.\n')


def messages_page():
    body = [(f'`{name}`', level.lower(), text, operator) for name, level, text, operator in tables.messages()]
    return (NOTE.format('kernel/observe/messages.def') + '# Log messages\n\n'
            'One JSON object a line on standard error: `ts`, `level`, `id`, `text`, `fields`. Search by `id`; texts may change.\n\n'
            + table(['id', 'level', 'text', 'what to know'], sorted(body)))


def metrics_page():
    body = [(f'`{name}`', kind.lower(), ', '.join(f'`{label}`' for label in labels.split(',') if label), text)
            for _, kind, name, labels, text in tables.metrics()]
    return (NOTE.format('kernel/observe/metrics.def') + '# Metrics\n\n'
            'Served at `/metrics` in the Prometheus text format. Every label has a bounded number of values, and none carries data of '
            'agents. Histograms of seconds have buckets from 100 us to 2.5 s, all others powers of two to 4096.\n\n'
            + table(['name', 'type', 'labels', 'meaning'], body))


def errors_page():
    problems = [(f'<a id="{code.lower()}"></a>`{code}`', status, title) for _, code, status, title in tables.problems()]
    oauth = [(f'`{error}`', status, text) for _, error, status, text in tables.oauth_errors()]
    return (NOTE.format('kernel/model/problems.def and kernel/oauth/oauth_error.cpp') + '# Errors\n\n'
            '## The API\n\nRefusals are `application/problem+json` (RFC 9457) with `type`, `title`, `status`, `detail`, `instance`, `code`, '
            '`requestId` and, where fields are at fault, `errors`. Decide by `code`.\n\n'
            + table(['code', 'status', 'title'], problems)
            + '\n## OAuth endpoints\n\nToken, introspection and revocation answer as RFC 6749 section 5.2 says: `error` and '
            '`error_description`, never cached.\n\n'
            + table(['error', 'status', 'description'], oauth))


def actions_page():
    body = [(f'`{name}`', number) for number, _, name in tables.audit_actions()]
    return (NOTE.format('kernel/model/audit_actions.def') + '# Audit actions\n\n'
            'What an audit event can be about. Numbers are how storage keeps them; they are never reused.\n\n' + table(['action', 'number'], body))


def routes_page():
    body = [(f'`{method.upper()}`', f'`{pattern}`', authentication.lower(), f'`{scope}`' if scope else '', limit.lower(), text)
            for _, method, pattern, authentication, scope, limit, _, _, _, _, _, text in tables.routes()]
    return (NOTE.format('kernel/server/routes.def') + '# Routes\n\n'
            'Everything the daemon answers; anything else is 404. `/v1/...` is an alias of `/api/v1/...`, and HEAD works where GET does.\n\n'
            + table(['method', 'path', 'authentication', 'scope', 'rate limit', 'purpose'], body))


HOOK_FAILURES = {'Deny': 'the request is denied: 503 `hook_unavailable`',
                 'DenyOrOmit': 'the request is denied; nothing is added where the script says `claims = { on_error = "omit" }`',
                 'BuiltIn': 'as if the hook were not there', 'Mark': 'the event is written, with `ext_error`',
                 'OmitOptional': 'every optional field is left out', 'Hold': 'the event is held and asked again', 'MarkRecord': 'the record is marked'}


def hooks_page():
    fields = tables.hook_fields()
    text = (NOTE.format('kernel/policy/hook_points.def, host_api.def and sandbox.def') + '# Hooks: the reference\n\n'
            'What a script is asked, may return and may use; `agentidp hook api --json` gives the same to programs. '
            '[docs/hook-authors](../hook-authors/README.md) begins from nothing.\n\n## Hooks\n\n'
            + table(['hook', 'asked when', 'may return', 'on failure'],
                    [(f'`{name}`' + (' (reserved)' if live == 'Reserved' else ''), when,
                      ', '.join(f'`{kind.lower()}`' for kind in results.split(' | ')), HOOK_FAILURES[failure])
                     for _, name, live, results, failure, when in tables.hook_points()])
            + '\nA failure is an error, a result the hook does not have, `nil`, or a budget that ran out. A script that names a reserved hook is '
            'refused when it is loaded.\n')
    for point, name, live, *_ in tables.hook_points():
        own = [(f'`{path}`', kind, 'masked' if mask == 'Masked' else '', says) for at, path, kind, mask, says in fields if at == point]
        if own:
            text += f'\n### What `{name}` is shown\n\n' + table(['member', 'type', 'in the decision log', 'what it says'], own)
    text += '\n## Names\n\nEverything a script can name; nothing else is there. `data.<name>` is the document `data/<name>.json`.\n\n'
    text += table(['how it is written', 'what it gives'], [(f'`{usage}`', says) for _, _, _, usage, says in tables.host_names()])
    text += '\n## What the sandbox keeps out\n\nEach row is a restriction, and what would get through without it; a test takes each away in turn.\n\n'
    return text + table(['restriction', 'without it'], [(f'`{name}`', says) for name, says in tables.restrictions()])


def properties_file():
    lines = ['# AgentIdP: every setting, commented out at its default. Written by tests/lint/generate.py from',
             '# kernel/config/settings.def. A backslash is written \\\\, a comment has a line of its own, and an unknown key is refused.',
             '# Stronger than this file: AGENTIDP_ variables (data.dir = AGENTIDP_DATA_DIR) and -DKEY=VALUE on the command line.']
    for _, key, kind, default, change, text in tables.settings():
        values = kind_of(kind).replace('`', '')
        lines += ['']
        lines += textwrap.wrap(text.replace('`', ''), 118, initial_indent='# ', subsequent_indent='# ', break_on_hyphens=False)
        lines += [f'# ({values}; ' + ('SIGHUP applies a change)' if change == 'Reload' else 'a restart applies a change)')]
        lines += [f'#{key} = {default}'.rstrip()]
    lines += ['', '# Settings of a plugin, as its page describes them:', '#plugins.storage-sqlite.KEY = VALUE']
    return '\n'.join(lines) + '\n'


PAGES = {
    'docs/generated/settings.md': settings_page,
    'docs/generated/messages.md': messages_page,
    'docs/generated/metrics.md': metrics_page,
    'docs/generated/errors.md': errors_page,
    'docs/generated/audit-actions.md': actions_page,
    'docs/generated/routes.md': routes_page,
    'docs/generated/hooks.md': hooks_page,
    'etc/agentidp.properties': properties_file,
}


def drifted():
    for name, page in PAGES.items():
        path, text = ROOT / name, page()
        if not path.exists() or path.read_text(encoding='utf-8') != text:
            yield name, path, text


def main(arguments):
    if arguments not in ([], ['--check']):
        print(__doc__, file=sys.stderr)
        return 2
    different = list(drifted())
    for name, path, text in different:
        if arguments:
            print(f'{name} differs from its table; run tests/lint/generate.py')
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding='utf-8')
            print(name)
    return 1 if arguments and different else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
