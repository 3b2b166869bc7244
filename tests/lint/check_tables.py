"""The tables against the code: every row is used, every id and name occurs once, and every row says what its kind must say."""
import functools
import re

import generate
import tables
from files import sources, text_of

# Where a mention is the table itself, or a check of it, and no use.
NOT_A_USE = {
    'Setting': ('kernel/config/',),
    'Message': ('kernel/observe/log',),
    'Metric': (),
    'Action': ('kernel/model/audit_event',),
    'ProblemCode': (),
    'OauthCode': (),
    'RouteId': (),
}


# Settings whose whole effect is inside kernel/config: production mode, what the issuer is, words that a check asks for.
USED_BY_CONFIG = {'Mode', 'Issuer', 'MacpMintAllowUnauthenticated'}


@functools.cache
def mentions(enum):
    pattern = re.compile(r'\b' + enum + r'::(\w+)')
    found = set()
    for name in sources('kernel'):
        if not name.startswith(NOT_A_USE[enum]):
            found.update(pattern.findall(text_of(name)))
    return found


def unused(enum, ids):
    return [f'{enum}::{name} is in its table and nowhere in the code' for name in ids if name not in mentions(enum)]


def repeated(what, values):
    values = list(values)
    return [f'{what} {value} occurs twice' for value in sorted({v for v in values if values.count(v) > 1})]


def check_settings():
    rows = tables.settings()
    found = unused('Setting', [row[0] for row in rows if row[0] not in USED_BY_CONFIG]) + repeated('setting', [row[1] for row in rows]) + repeated('id', [row[0] for row in rows])
    found += repeated('variable', [generate.variable_of(row[1]) for row in rows])
    for name, key, kind, default, change, text in rows:
        if not re.fullmatch(r'[a-z]+(\.[a-z]+(_[a-z]+)*)*', key):
            found.append(f'setting {key}: a key is lower-case words with dots, the last with underscores')
        if change not in ('Start', 'Reload'):
            found.append(f'setting {key}: {change} is no time to apply it')
        if not text.endswith('.'):
            found.append(f'setting {key}: its text is no sentence')
        if kind.name == 'choice' and default not in kind.arguments[0].split(','):
            found.append(f'setting {key}: the default is no choice')
        if kind.name == 'integer' and not kind.arguments[0] <= int(default) <= kind.arguments[1]:
            found.append(f'setting {key}: the default is out of range')
        if kind.name == 'integer' and re.search(r'(lifetime|age|wait|grace|interval|retention)$', key):
            found.append(f'setting {key}: the unit belongs in the name')
    return found


def check_messages():
    rows = tables.messages()
    found = unused('Message', [row[0] for row in rows]) + repeated('message', [row[0] for row in rows])
    for name, level, text, operator in rows:
        if not re.fullmatch(r'[A-Z][A-Z0-9]*(_[A-Z0-9]+)*', name):
            found.append(f'message {name}: ids are written LIKE_THIS')
        if level not in ('Debug', 'Info', 'Warn', 'Error'):
            found.append(f'message {name}: {level} is no level')
        if text.endswith('.') or text[:1].isupper() and not text[1:2].isupper() and not text.startswith('AGENTIDP_') or '%' in text or '{' in text:
            found.append(f'message {name}: texts start in lower case, end without a period and hold no values')
        if not operator.rstrip().endswith(('.', '`')):
            found.append(f'message {name}: the operator paragraph is no sentence')
    return found


def check_metrics():
    rows = tables.metrics()
    found = unused('Metric', [row[0] for row in rows]) + repeated('metric', [row[2] for row in rows]) + repeated('id', [row[0] for row in rows])
    for name, kind, metric, labels, text in rows:
        if not re.fullmatch(r'(agentidp|process)(_[a-z]+)+', metric):
            found.append(f'metric {metric}: names are agentidp_words')
        if (kind == 'Counter') != metric.endswith('_total'):
            found.append(f'metric {metric}: counters, and only they, end in _total')
        if kind == 'Histogram' and not metric.endswith(('_seconds', '_size', '_bytes', '_units')):
            found.append(f'metric {metric}: a histogram says its unit')
        if any(not re.fullmatch(r'[a-z]+(_[a-z]+)*', label) for label in labels.split(',') if label):
            found.append(f'metric {metric}: labels are lower-case words')
        if not text.endswith('.'):
            found.append(f'metric {metric}: the help is no sentence')
    return found


def check_audit_actions():
    rows = tables.audit_actions()
    return (unused('Action', [row[1] for row in rows]) + repeated('action', [row[2] for row in rows]) + repeated('number', [row[0] for row in rows])
            + [f'action {row[2]}: names are noun.verb' for row in rows if not re.fullmatch(r'[a-z]+\.[a-z]+(_[a-z]+)*', row[2])])


def check_errors():
    problems, oauth = tables.problems(), tables.oauth_errors()
    found = unused('ProblemCode', [row[0] for row in problems]) + repeated('problem', [row[1] for row in problems])
    found += unused('OauthCode', [row[0] for row in oauth]) + repeated('OAuth error', [row[0] for row in oauth])
    if len(oauth) < 5:
        found.append('the table of OAuth errors cannot be read from kernel/oauth/oauth_error.cpp any more')
    # RFC 6749 section 5.2: error_description holds these characters only.
    found += [f'OAuth error {row[0]}: its description holds characters RFC 6749 forbids' for row in oauth
              if not re.fullmatch(r'[\x20-\x21\x23-\x5b\x5d-\x7e]+', row[3])]
    return found


def check_routes():
    rows = tables.routes()
    return unused('RouteId', [row[0] for row in rows]) + repeated('route', [f'{row[1]} {row[2]}' for row in rows])


def check_documents():
    return [f'{name} differs from its table; run tests/lint/generate.py' for name, _, _ in generate.drifted()]


CHECKS = {
    'table-settings': check_settings,
    'table-messages': check_messages,
    'table-metrics': check_metrics,
    'table-audit-actions': check_audit_actions,
    'table-errors': check_errors,
    'table-routes': check_routes,
    'generated-documents': check_documents,
}
