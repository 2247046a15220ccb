"""
Answer a member's commands, and change its name.
"""

from __future__ import annotations

from math import ceil

from echostamp.intercom.commands import (
    RENAME_INTERVAL,
    helpNotices,
    unknownNotice,
    waitNotice,
    whoNotices,
)
from echostamp.intercom.formatting import notice
from echostamp.intercom.interfaces import NamedMember, Room
from echostamp.intercom.naming import isName, refusal, requestedName


def answer(room: Room, member: NamedMember, command: bytes, stamp: bytes) -> bytes:
    """
    Do what a command says.  L{Member} itself does C{/quit}.

    @param command: as L{Piece<echostamp.intercom.commands.Piece>} has it.
    @param stamp: the stamp of the command, for the answer.
    @return: notices for this member alone; empty behind C{/quit}.
    """
    requested = requestedName(command)
    if requested is not None:
        return _newName(room, member, requested, stamp)
    if command == b"/who":
        present = [each for each in room.members if each.since]
        people = ((each.name, each.since, each.echo.peer) for each in present)
        return whoNotices(stamp, people, len(present))
    if command == b"/help":
        return helpNotices(stamp)
    return b"" if command == b"/quit" else unknownNotice(stamp, command)


def _newName(room: Room, member: NamedMember, requested: bytes, stamp: bytes) -> bytes:
    """
    Give a member another name, if it may have one now.

    @return: notices for this member alone.
    """
    if requested == member.name:
        return notice(stamp, b"you are %s" % member.name)
    notices = b""
    if isName(requested):
        now, renamed = member.echo.factory.reactor.seconds(), member.renamed
        if renamed is not None and now - renamed < RENAME_INTERVAL:
            left = ceil(RENAME_INTERVAL - (now - renamed))
            return waitNotice(stamp, member.name, left)
        # Also where the name stays: to look for a free one takes time.
        member.renamed = now
        changed = changeName(room, member, requested, stamp)
        notices = notice(stamp, changed) if changed else b""
    refused = refusal(requested, member.name)
    return notices + (notice(stamp, refused) if refused else b"")


def changeName(room: Room, member: NamedMember, name: bytes, stamp: bytes) -> bytes:
    """
    Give a member a name, or a similar one if that is taken.  Notify the others, if they
    know the member by the name that it had.

    @param name: a valid name.
    @return: the text of that notice; empty if there is none.
    """
    before = member.name
    room.rename(member, name)
    if member.name == before:
        return b""
    factory = member.echo.factory
    factory.connectionLog.write(
        "names", "{peer} is {name}", peer=member.echo.peer, name=member.name.decode()
    )
    if not member.since:
        return b""
    member.renamed = factory.reactor.seconds()
    text = b"%s is now %s" % (before, member.name)
    member.deliverPending()
    room.notify(member, text, stamp)
    return text
