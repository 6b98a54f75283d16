"""`homing token`: bearer tokens (RFC 6750), with which programs sign in as a user."""

from __future__ import annotations

import argparse
import sys

from homing.cli.output import add_json_option, example, print_json, print_table, say
from homing.cli.site_folder import ACTOR, add_site_options, open_site
from homing.directory.accounts import find_user
from homing.directory.credentials import Identity, create_token, list_tokens, revoke_token


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
    add_site_options(create)
    add_json_option(create)
    create.set_defaults(run=_create)
    list_ = verbs.add_parser(
        "list",
        help="the tokens of a user",
        description="The ids and labels of a user's tokens.",
        **example("homing token list ann@example.org"),
    )
    list_.add_argument("address", metavar="ADDRESS", help="the address with which the user signs in")
    add_site_options(list_)
    add_json_option(list_)
    list_.set_defaults(run=_list)
    revoke = verbs.add_parser(
        "revoke",
        help="let a token sign in no more",
        description="Let a token sign in no more, at once. Its id is the part between the first and the second _.",
        **example("homing token revoke k1k7vfg3drj0v009"),
    )
    revoke.add_argument("id", metavar="ID", help="the token's id, as `token list` shows it")
    add_site_options(revoke)
    revoke.set_defaults(run=_revoke)


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


def _list(arguments: argparse.Namespace) -> int:
    site = open_site(arguments)
    tokens = list_tokens(site, find_user(site, arguments.address).login)
    if arguments.json:
        print_json([{"id": id, "label": label} for id, label in tokens.items()])
    else:
        print_table(("ID", "LABEL"), list(tokens.items()))
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    revoke_token(open_site(arguments), ACTOR, arguments.id)
    say(f"revoked {arguments.id}")
    return 0
