"""Topics of `--help`: lists of components, single components, hyper-parameters and keys."""

from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType

from trainables.errors import InputError, did_you_mean
from trainables.hparams.group import Group
from tuner.cli.command import Command
from tuner.cli.help import (
    describe_group,
    describe_knobs,
    describe_member,
    describe_members,
    heading,
    shorten,
    wrap,
)

PLURALS = {"criterion": "criteria", "data": "data", "periods": "periods"}
"""Plurals of groups that are not formed by an s, or that end in one."""
KEYS, ALL = "keys", "all"


def print_help(console: Console, command: Command, topics: Sequence[str]) -> None:
    """Print the help of a command: a screen without topics, else what each topic is about.

    Raises:
        InputError: If there is no such topic.
    """
    if not topics:
        print_screen(console, command)
    unknown = []
    for topic in topics:
        entries = list(find_topic(command, topic.strip("-")))
        for entry in entries:
            console.print(entry)
        if not entries:
            general = list_topics(command)
            hint = did_you_mean(topic, [*general, *list_names(command)])
            unknown.append(f"help: no topic {topic!r}.{hint} There are: {', '.join(general)}.")
    if unknown:
        raise InputError(unknown)


def print_screen(console: Console, command: Command) -> None:
    """Print what a command is for, and the topics of its help."""
    console.print(command.introduction.rstrip())
    if command.knobs() and not command.vocabulary.groups:
        console.print(heading("Keys", "KEY=VALUE"))
        for name, knob in command.knobs().items():
            console.print(shorten(f"  {name:<12}", knob.description))
    console.print(f"\nMore: attuner {command.name} --help TOPIC. Topics are")
    console.print(wrap(", ".join([*list_topics(command), ALL]), 2))
    if command.vocabulary.groups:
        console.print("and each component, hyper-parameter and key by its name.")


def pluralize(name: str) -> str:
    """Return the plural of a group or of a kind of file.

    >>> pluralize("method"), pluralize("criterion")
    ('methods', 'criteria')
    """
    return PLURALS.get(name, f"{name}s")


def list_topics(command: Command) -> list[str]:
    """Return the general topics of a command, without single components and hyper-parameters."""
    listed = {
        name for package in command.packages.values() for name in members_of(package).members()
    }
    return [
        *([KEYS] if command.knobs() else []),
        *command.texts,
        *map(pluralize, command.packages),
        *(
            pluralize(name) if group.package else name
            for name, group in command.vocabulary.groups.items()
            if group.package or name not in listed
        ),
    ]


def members_of(package: str) -> Group:
    """Return a package of spaces, recipes, trackers, ... as a group without knobs."""
    return Group("", package, (), outlined=True)


def list_names(command: Command) -> Iterator[str]:
    """Yield the names of all components, hyper-parameters and keys of a command."""
    yield from command.vocabulary.keys
    for package in command.packages.values():
        yield from members_of(package).members()
    for name, group in command.vocabulary.groups.items():
        yield from (name, *group.members(), *group.all_knobs())


def describe_everything(command: Command) -> Iterator[RenderableType]:
    """Yield the help on all topics and all components."""
    topics = list_topics(command)
    for topic in topics:
        yield from find_topic(command, topic)
    for name, group in command.vocabulary.groups.items():
        if not group.package and name not in topics:
            yield from find_in_group(name, group, name)
        for member in group.members():
            yield from describe_member(name, group, member)


def find_topic(command: Command, topic: str) -> Iterator[RenderableType]:
    """Yield the help on everything that a topic names."""
    if topic == ALL:
        yield from describe_everything(command)
        return
    if topic in command.texts:
        yield f"\n{command.texts[topic].rstrip()}"
    yield from find_key(command, topic)
    for choice, package in command.packages.items():
        yield from find_in_package(choice, members_of(package), topic)
    for name, group in command.vocabulary.groups.items():
        yield from find_in_group(name, group, topic)


def find_key(command: Command, topic: str) -> Iterator[RenderableType]:
    """Yield all keys, or the one that a topic names."""
    keys = command.knobs()
    if topic == KEYS:
        yield heading("Keys", "KEY=VALUE")
        yield from describe_knobs(keys, "")
    elif topic in keys:
        yield from describe_knobs({topic: keys[topic]}, "")


def find_in_package(choice: str, members: Group, topic: str) -> Iterator[RenderableType]:
    """Yield the members of a package, or the one that a topic names."""
    name = topic.removeprefix(f"{choice}=")
    if topic in {choice, pluralize(choice)}:
        yield heading(pluralize(choice).capitalize(), f"{choice}=NAME")
        yield describe_members(members)
    elif name in members.members():
        yield from describe_member(choice, members, name)


def find_in_group(name: str, group: Group, topic: str) -> Iterator[RenderableType]:
    """Yield a group, or its members and knobs that a topic names."""
    member, knob = topic.removeprefix(f"{name}="), topic.removeprefix(f"{name}.")
    if topic in {name, pluralize(name)}:
        yield from describe_group(name, group)
    elif member in group.members():
        yield from describe_member(name, group, member)
    elif "=" not in knob and "." not in knob:
        yield from find_knob(name, group, knob)


def find_knob(name: str, group: Group, knob: str) -> Iterator[RenderableType]:
    """Yield a knob of a group: once if all members share it, else for each that has it."""
    common = group.common_knobs()
    if knob in common:
        yield from describe_knobs({knob: common[knob]}, f"{name}.")
        return
    for member in group.members():
        own = group.member_knobs(member)
        if knob in own:
            yield from describe_knobs({knob: own[knob]}, f"{name}={member} {name}.")
