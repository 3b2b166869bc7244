"""Runs the checks. One line each: `ok lint NAME`, `not ok lint NAME: why`, `skip lint NAME: why`.

    tests/lint/run.sh [-k TEXT] [--list]      -k: only checks whose name holds TEXT, with every finding on a line of its own
"""
import argparse
import sys

import check_checks
import check_headers
import check_layers
import check_tables
import check_text

CHECKS = {**check_layers.CHECKS, **check_tables.CHECKS, **check_text.CHECKS, **check_headers.CHECKS, **check_checks.CHECKS}
SHOWN = 6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('-k', default='', metavar='TEXT')
    parser.add_argument('--list', action='store_true')
    asked = parser.parse_args()
    failed = False
    for name, check in CHECKS.items():
        if asked.k not in f'lint {name}':
            continue
        if asked.list:
            print(f'lint {name}')
            continue
        found = check()
        if isinstance(found, str):
            print(f'skip lint {name}: {found}', flush=True)
        elif found:
            failed = True
            if asked.k:
                print('\n'.join('  ' + why for why in found), file=sys.stderr)
            more = f'; and {len(found) - SHOWN} more' if len(found) > SHOWN else ''
            print(f'not ok lint {name}: ' + '; '.join(found[:SHOWN]) + more, flush=True)
        else:
            print(f'ok lint {name}', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
