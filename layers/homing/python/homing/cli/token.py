"""`homing token`: bearer tokens (RFC 6750), with which programs sign in as a user."""

from __future__ import annotations

import argparse
import sys

from homing.cli.output import add_json_option, example, print_json, say
from homing.cli.site_folder import ACTOR, add_data_option, open_site
from homing.directory.accounts import find_user
from homing.directory.credentials import Identity, create_token


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the noun."""
    noun = subparsers.add_parser(
        "token", help="tokens for programs", **example("homing token create ann@example.org --label backup")
    )
    verbs = noun.add_subparsers(title="verbs", metavar="VERB", required=True)
    create = verbs.add_parser(
        "create",
        help="make a token and print it, once",
        description="Make a bearer token with which a program signs in as the user. Only its hash is kept: "
        "it is shown this once.",
        **example("homing token create ann@example.org --label backup > ~/.homing-token"),
    )
    create.add_argument("address", metavar="ADDRESS", help="the address with which the user signs in")
    create.add_argument("--label", default="", help="what the token is for")
    add_data_option(create)
    add_json_option(create)
    create.set_defaults(run=_create)


def _create(arguments: argparse.Namespace) -> int:
    site = open_site(arguments)
    user = find_user(site, arguments.address)
    token = create_token(site, ACTOR, Identity(user.login, user.account), arguments.label)
    if arguments.json:
        print_json({"login": user.login, "label": arguments.label, "token": token})
        return 0
    if sys.stdout.isatty():
        say("The token is shown only now:")
    print(token)
    return 0
