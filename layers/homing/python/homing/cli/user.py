"""`homing user`: who receives mail here."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any, Final

from homing.cli.output import add_json_option, example, print_json, print_table, say, size_text
from homing.cli.password import add_password_options, ask_password, given_password
from homing.cli.site_folder import ACTOR, add_site_options, open_or_make_site, open_site
from homing.directory.accounts import (
    User,
    add_address,
    create_user,
    list_users,
    set_user,
    share_account,
    unshare_account,
)
from homing.ledger.view import View
from homing.site import Site

NO_LIMIT: Final = 0

_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(k|M|G|T)?(i)?B?", re.IGNORECASE)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the noun."""
    noun = subparsers.add_parser(
        "user", help="make, list and change users", **example("homing user add ann@example.org --name Ann --quota 5GB")
    )
    verbs = noun.add_subparsers(title="verbs", metavar="VERB", required=True)
    _register_add(verbs)
    _register_set(verbs)
    listing = verbs.add_parser("list", help="list all users", **example("homing user list --json"))
    listing.set_defaults(run=_list)
    alias = verbs.add_parser(
        "alias", help="one more address for a user", **example("homing user alias ann@example.org sales@example.org")
    )
    alias.add_argument("address", metavar="ADDRESS", help="the address with which the user signs in")
    alias.add_argument("alias", metavar="ALIAS", help="the address that is to be the user's as well")
    alias.set_defaults(run=_alias)
    share = verbs.add_parser(
        "share",
        help="let a user into another's account",
        description="Let a user into the whole of another's account, beside the user's own.",
        **example("homing user share office@example.org ann@example.org --read-only"),
    )
    share.add_argument("owner", metavar="OWNER", help="the login of the user whose account it is")
    share.add_argument("other", metavar="ADDRESS", help="the login of the user who is let in")
    how = share.add_mutually_exclusive_group()
    how.add_argument("--read-only", action="store_true", help="to look, not to change")
    how.add_argument("--stop", action="store_true", help="no longer")
    share.set_defaults(run=_share)
    for parser in (listing, alias, share):
        add_site_options(parser)
        add_json_option(parser)


def parse_size(text: str) -> int:
    """Bytes of "5GB" (10^9 each), "5GiB" (2^30 each), "5000"; "none" is `NO_LIMIT`.

    Raises:
        argparse.ArgumentTypeError: it is not a size.
    """
    if text.casefold() == "none":
        return NO_LIMIT
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write 5GB, 500MB or none")
    amount, unit, binary = found.groups()
    return int(float(amount) * (1_024 if binary else 1_000) ** _POWERS[(unit or "").lower()])


def _register_add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "add",
        help="make a user, and the site if there is none",
        description="Make a user with an account, and the site if the folder holds none. Asks for a password "
        "unless one is given.",
        **example("homing user add ann@example.org --name 'Ann Able' --quota 5GB --generate-password"),
    )
    parser.add_argument("address", metavar="ADDRESS", help="where the user receives mail and how the user signs in")
    parser.add_argument("--name", default="", help="the user's name (default: what stands before the @)")
    parser.add_argument("--quota", type=parse_size, default=NO_LIMIT, help="how much mail: 5GB, 500MB (default: none)")
    add_password_options(parser)
    add_site_options(parser)
    add_json_option(parser)
    parser.set_defaults(run=_add)


def _register_set(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "set",
        help="change a user",
        description="Change a user. What is not named stays.",
        **example("homing user set ann@example.org --quota 10GB\nhoming user set ann@example.org --disable"),
    )
    parser.add_argument("address", metavar="ADDRESS", help="the address with which the user signs in")
    state = parser.add_mutually_exclusive_group()
    state.add_argument("--disable", action="store_true", help="take no mail for the user and let nobody sign in")
    state.add_argument("--enable", action="store_true", help="the opposite")
    parser.add_argument("--quota", type=parse_size, help="how much mail: 5GB, 500MB, none")
    add_password_options(parser)
    add_site_options(parser)
    add_json_option(parser)
    parser.set_defaults(run=_set, usage=parser)


def _add(arguments: argparse.Namespace) -> int:
    password = given_password(arguments) or ask_password()
    site = open_or_make_site(arguments)
    user = create_user(site, ACTOR, arguments.address, password, name=arguments.name, quota=arguments.quota or None)
    _told(arguments, site, user, password)
    return 0


def _set(arguments: argparse.Namespace) -> int:
    disabled = True if arguments.disable else False if arguments.enable else None
    password = given_password(arguments)
    if disabled is None and arguments.quota is None and not password:
        arguments.usage.error("name what is to change: --disable, --enable, --quota or a password")
    site = open_site(arguments)
    user = set_user(site, ACTOR, arguments.address, disabled=disabled, quota=arguments.quota, password=password)
    _told(arguments, site, user, password)
    return 0


def _alias(arguments: argparse.Namespace) -> int:
    add_address(open_site(arguments), ACTOR, arguments.alias, arguments.address)
    if arguments.json:
        print_json({"login": arguments.address, "alias": arguments.alias})
    else:
        print(f"{arguments.address} receives at {arguments.alias}, too")
    return 0


def _share(arguments: argparse.Namespace) -> int:
    site = open_site(arguments)
    if arguments.stop:
        unshare_account(site, ACTOR, arguments.owner, arguments.other)
    else:
        share_account(site, ACTOR, arguments.owner, arguments.other, read_only=arguments.read_only)
    if arguments.json:
        access = None if arguments.stop else "read-only" if arguments.read_only else "full"
        print_json({"owner": arguments.owner, "login": arguments.other, "access": access})
    elif arguments.stop:
        print(f"{arguments.other} is no longer in the account of {arguments.owner}")
    else:
        what = "looks into" if arguments.read_only else "uses"
        print(f"{arguments.other} {what} the account of {arguments.owner}, too")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    site = open_site(arguments)
    users = [_described(site, user) for user in list_users(site)]
    if arguments.json:
        print_json(users)
        return 0
    header = ("ADDRESS", "NAME", "MESSAGES", "USED", "QUOTA", "STATE", "ACCOUNT")
    print_table(header, [_cells(user) for user in users])
    return 0


def _told(arguments: argparse.Namespace, site: Site, user: User, password: str) -> None:
    """Print a user; a password only if it was made here, for nobody knows it yet."""
    described = _described(site, user)
    if arguments.generate_password:
        described["password"] = password
    if arguments.json:
        print_json(described)
        return
    print_table(("ADDRESS", "NAME", "MESSAGES", "USED", "QUOTA", "STATE", "ACCOUNT"), [_cells(described)])
    if arguments.generate_password:
        sys.stdout.flush()
        say("The password is shown only now:")
        print(password)


def _described(site: Site, user: User) -> dict[str, Any]:
    head = View(site.store, user.account, site.clock.now()).head
    return {
        "login": user.login,
        "name": user.name,
        "account": user.account,
        "quota": user.quota,
        "disabled": user.disabled,
        "messages": head.emails,
        "used": head.bytes,
    }


def _cells(user: dict[str, Any]) -> list[str]:
    quota = "none" if user["quota"] is None else size_text(user["quota"])
    state = "disabled" if user["disabled"] else "enabled"
    used = size_text(user["used"])
    return [user["login"], user["name"], f"{user['messages']:,}", used, quota, state, user["account"]]
