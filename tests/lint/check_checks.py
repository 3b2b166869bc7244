"""The checks checked: one fault of each kind is planted in a copy of the tree, and each must be found."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

from files import ROOT, project_files

UNFINISHED = 'TO' + 'DO'
MACHINE = '/wo' + 'rk/x'
HEADER = '#pragma once\n/// @file {0}\n{1}\n'

# file, its content, what some check must say
PLANTED = [
    ('kernel/jose/p1.h', HEADER.format('kernel/jose/p1.h', '#include "observe/metrics.h"'), None),
    ('kernel/oauth/p2.cpp', '#include "jose/p1.h"\n', 'oauth must not see observe: kernel/oauth/p2.cpp -> kernel/jose/p1.h'),
    ('kernel/crypto/p3.cpp', '#include "config/settings.h"\n', 'crypto must not see config'),
    ('kernel/nowhere/p4.h', HEADER.format('kernel/nowhere/p4.h', ''), 'the room nowhere is in no layer'),
    ('plugins/keys-file/p5.cpp', '#include "base/text.h"\n#include <nlohmann/json.hpp>\n', 'a plugin sees agentidp/ and the shared folders of plugins/ only'),
    ('kernel/oauth/p6.cpp', '#include <boost/asio.hpp>\n', 'which belongs to http'),
    ('kernel/crypto/p7.h', HEADER.format('kernel/crypto/p7.h', '#include <openssl/evp.h>'), None),
    ('kernel/keys/p8.cpp', '#include "crypto/p7.h"\n', 'kernel/crypto/p7.h shows <openssl/evp.h>'),
    ('kernel/model/p9.h', HEADER.format('kernel/model/p8.h', f'// {UNFINISHED}: {MACHINE}/'), 'does not begin with /// @file kernel/model/p9.h'),
    ('kernel/model/p10.h', HEADER.format('kernel/model/p10.h', 'std::string p10();'), 'kernel/model/p10.h does not compile alone'),
    ('kernel/model/p11.cpp', 'int  badly( );', 'kernel/model/p11.cpp is not formatted'),
    ('tests/p12.sh', '#!/usr/bin/env bash\nif\n', 'tests/p12.sh begins with #! and is not executable'),
    ('tests/p13.py', 'def\n', 'tests/p13.py:1'),
]
ALSO = ['says that it is unfinished', 'names a path of one machine', 'does not end with a line end', 'kernel/keys/p8.cpp is in no CMakeLists.txt',
        'only plugins/sql and plugins/remote/json.cpp may', 'setting mode occurs twice', 'setting mode: its text is no sentence', 'message READY occurs twice',
        'message READY: texts start in lower case', 'Message::NEVER_SAID is in its table and nowhere in the code', 'counters, and only they, end in _total',
        'docs/generated/settings.md differs from its table']
ROWS = [
    ('kernel/config/settings.def', 'AGENTIDP_SETTING(Mode, "mode", choice("a"), "b", Start, "no sentence")\n'),
    ('kernel/observe/messages.def', 'AGENTIDP_MESSAGE(READY, Info, "Ready.", "What it is.")\nAGENTIDP_MESSAGE(NEVER_SAID, Info, "x", "What it is.")\n'),
    ('kernel/observe/metrics.def', 'AGENTIDP_METRIC(BugsAgain, Counter, "agentidp_bugs_again", "", "Bugs.")\n'),
]
ALL_FINDINGS = '''
import check_headers, check_layers, check_tables, check_text
for module in (check_layers, check_tables, check_text):
    for check in module.CHECKS.values():
        found = check()
        print("\\n".join(found) if isinstance(found, list) else found)
print(check_headers.compile_alone("kernel/model/p10.h"))
'''


def check():
    with tempfile.TemporaryDirectory(prefix='agentidp-lint-') as folder:
        copy = pathlib.Path(folder)
        for name in project_files():
            if name.split('/')[0] in ('kernel', 'plugins', 'tests', 'docs', 'etc') or name == '.clang-format':
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, copy / name)
        for name, content, _ in PLANTED:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_text(content, encoding='utf-8')
        for name, row in ROWS:
            with (copy / name).open('a', encoding='utf-8') as table:
                table.write(row)
        run = subprocess.run([sys.executable, '-B', '-c', ALL_FINDINGS], cwd=copy / 'tests/lint', capture_output=True, text=True, check=False)
    if run.returncode != 0:
        return ['the checks failed on a copy of the tree: ' + run.stderr.strip().splitlines()[-1]]
    wanted = [words for _, _, words in PLANTED if words] + ALSO
    if not shutil.which('clang-format-14'):
        wanted = [words for words in wanted if 'is not formatted' not in words]
    return [f'a planted fault was not found: {words}' for words in wanted if words not in run.stdout]


CHECKS = {'checks-find-planted-faults': check}
