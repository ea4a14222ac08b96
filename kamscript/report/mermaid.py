"""A ladder as a Mermaid sequence diagram: for Markdown, wikis and merge requests.

sequenceDiagram
    participant p0 as alice
    participant p1 as kamailio
    p0->>p1: INVITE sip:bob@example.com
    p1-->>p0: 100 trying
"""

from __future__ import annotations

from kamscript.report.story import Message, Story, readable


def mermaid(story: Story) -> str:
    """The diagram; messages that did not arrive end in a cross, and passing time stands between the messages."""
    lines = ["sequenceDiagram"]
    for number, party in enumerate(story.parties):
        address = party.addresses[0] if party.addresses and party.addresses[0] != party.name else ""
        shown = f"{escaped(party.name)}<br/>{escaped(address)}" if address else escaped(party.name)
        lines.append(f"    participant p{number} as {shown}")
    time = None
    for message in story.messages:
        if time is not None and message.time != time:
            last = len(story.parties) - 1
            over = f"p0,p{last}" if last else "p0"
            lines.append(f"    Note over {over}: {message.time:.3f} s")
        time = message.time
        lines.append("    " + _arrow(message))
    return "\n".join(lines) + "\n"


def _arrow(message: Message) -> str:
    dashed = "-" if message.kind in ("provisional", "success", "failure") else ""
    head = "-x" if message.note else "->>"
    marks = f" ({', '.join(message.marks)})" if message.marks else ""
    text = escaped(readable(message.label) + marks)
    return f"p{message.source}{dashed}{head}p{message.target}: {text}"


def escaped(text: str) -> str:
    """Text in which nothing means anything to Mermaid."""
    out = []
    for char in text:
        if char in '#;<>"&%{}`\\':
            out.append(f"#{ord(char)};")
        else:
            out.append(char if char.isprintable() else " ")
    return "".join(out)
