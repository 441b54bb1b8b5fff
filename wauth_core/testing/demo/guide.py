"""The guided tour of the demo: a few steps. Each says what to look at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TourStep:
    """One step. *do* is what its button does, as in the frame's own buttons; *link* is where it leads instead."""

    title: str
    text: str
    look: str
    label: str = ""
    do: str = ""
    link: str = ""


STOPS = (
    TourStep(
        "Ada is here",
        "The web server said who she is. She typed no password, and the sites knew nothing of her before.",
        "her groups. Web Editors comes through Web Developers, so the editors' room is open, the server room is not.",
    ),
    TourStep(
        "Give her a right",
        "One change in the directory. Her next request knows it, on both sites, at the price of one LDAP search.",
        "“Superuser: yes, by Domain Admins”, the open server room, and what it cost.",
        "Put her into Domain Admins",
        "add:Domain Admins",
    ),
    TourStep(
        "Ask why",
        "Django's admin is open to her now. It says of everybody which group gives each right.",
        "“Why each right is set”, the way through nested groups, and the buttons that synchronise.",
        "Open her page in Django's admin",
        link="/django/why/ada",
    ),
    TourStep(
        "Take it away",
        "Nobody keeps a right that was taken away: not by an old session, and not by a second browser.",
        "“Superuser yes → no”, and the server room, which is closed again.",
        "Take her out of Domain Admins",
        "remove:Domain Admins",
    ),
    TourStep(
        "Take the directory down",
        "An outage takes nothing from anybody who was there, and gives nothing to anybody new.",
        "the last known rights, and the doors that they still open. Then bring the directory back.",
        "Take the directory down, or bring it back",
        "outage",
    ),
    TourStep(
        "Attack",
        "Ten requests claim by a header to be a domain administrator. No client's header makes an identity.",
        "the list that appears under “Attack”.",
        "Forge headers",
        "attack",
    ),
    TourStep(
        "Come without Windows",
        "A browser outside the domain brings no name. Django's site offers a form then; one bind checks the password.",
        "“Sign in with name and password” on Django's side. Bob is a domain administrator.",
        "Arrive as nobody",
        "arrive",
    ),
)
