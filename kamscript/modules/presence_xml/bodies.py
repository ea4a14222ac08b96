"""Presence documents (PIDF): put together, taken offline, shown as far as rules allow (presence_xml/notify_body.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.modules.presence.events import Failed
from kamscript.modules.presence.xml import BadDocument, Document, Element, Text, parse

if TYPE_CHECKING:
    from kamscript.modules.presence_xml import PresenceXml

#: What is told of somebody who has published nothing (force_dummy_presence).
_DUMMY: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"'
    ' xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" xmlns:c="urn:ietf:params:xml:ns:pidf:cipid" entity="{user}">'
    '<tuple xmlns="urn:ietf:params:xml:ns:pidf" id="615293b33c62dec073e05d9421e9f48b">'
    "<status><basic>open</basic></status></tuple>"
    '<note xmlns="urn:ietf:params:xml:ns:pidf">Available</note>'
    '<dm:person xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" id="1">'
    "<rpid:activities/><dm:note>Available</dm:note></dm:person></presence>"
)
#: Longest user that a dummy document is made for, bytes.
_DUMMY_USER: Final = 256


class Bodies:
    """Makes the documents of one `PresenceXml`."""

    def __init__(self, module: PresenceXml) -> None:
        self.module = module

    def aggregate(self, user: str, domain: str, bodies: list[str] | None, offline: int) -> str | None:
        """One document of all that is published; number `offline` of them has just ended."""
        module = self.module
        if bodies is None:
            if not module.force_dummy_presence or len(user) > _DUMMY_USER:
                return None
            bodies, offline = [_DUMMY.format(user=user.replace("&", "&amp;").replace("<", "&lt;"))], -1
        try:
            documents = [parse(taken_offline(body) if at == offline else body) for at, body in enumerate(bodies)]
            if module.force_presence_single_body:
                return self._most_important(documents).dump()
            return merged(documents).dump()
        except (BadDocument, Failed) as error:
            module.error(f"while aggregating body: {error}")
            return None

    def _most_important(self, documents: list[Document]) -> Document:
        """The one whose element says what comes last in the list of priorities, the newest of several."""
        order, name = self.module.presence_single_body_priorities, self.module.presence_single_body_lookup_element
        best = documents[-1]
        if not order or not name:
            return best
        current = _root(best).text_of(name)
        rank = order.find(current) if current is not None else -1
        for one in reversed(documents[:-1]):
            told = _root(one).text_of(name)
            if current is None or told is None or told.lower() == current.lower():
                continue
            place = order.find(told)
            if place > rank:
                best, current, rank = one, told, place
        return best


def _root(document: Document) -> Element:
    found = document.find("presence")
    if found is None:
        raise Failed("while getting the xml_tree root")
    return found


def merged(documents: list[Document]) -> Document:
    """The last document with what the others have: those whose first tuple is in it already are left out."""
    last = documents[-1]
    root = _root(last)
    for document in reversed(documents[:-1]):
        other = _root(document)
        first = other.child("tuple")
        if first is not None:
            identity = first.attribute("id")
            ids = [each.attribute("id") for each in root.elements if each.local == "tuple"]
            if identity is None or None in ids:
                raise Failed("while extracting tuple id")
            if identity.lower() in {each.lower() for each in ids if each is not None}:
                continue
        for child in other.children:
            root.append(child.copied() if isinstance(child, Element) else child)
    return last


def taken_offline(body: str) -> str:
    """What is left of a document that has ended: its first tuple, closed; raises BadDocument, Failed."""
    document = parse(body)
    basic, tuple_, status = document.find("basic"), document.find("tuple"), document.find("status")
    root = document.find("presence")
    if basic is None or tuple_ is None or status is None or root is None:
        raise Failed("while constructing offline body")
    basic.children = [Text("closed")]
    new_root, new_tuple = root.copied(deep=False), tuple_.copied(deep=False)
    new_root.append(new_tuple)
    new_tuple.append(status.copied())
    return Document(new_root).dump()


# -- transformations --------------------------------------------------------------------------------------------------
def shown(body: str, rule: Element) -> str:
    """What a rule lets a watcher see of a document (RFC 5025, 3.3); raises BadDocument, Failed."""
    document = parse(body)
    root = document.find("presence")
    if root is None:
        raise Failed("while extracting the presence node")
    transformations = rule.child("transformations")
    for node in transformations.elements if transformations is not None else ():
        if len(node.local) >= 9:
            _transform(root, node)
    return document.dump()


#: Longest name behind `provide-`.
_NAME: Final = 23


def _transform(root: Element, node: Element) -> None:
    provided = node.local[8:]
    if len(provided) > _NAME:
        return
    name = "tuple" if provided == "services" else provided
    name = "person" if name.startswith("person") else name
    first = root.find(name)
    if first is None:
        return
    answer = node.content.lower()
    if answer == "false":
        while first is not None and first.parent is not None:
            first.remove()
            first = root.child(name)
        return
    if answer == "true" or node.child(f"all-{provided}") is not None:
        return
    assert first.parent is not None or first is root
    siblings = first.parent.elements if first.parent is not None else [first]
    for one in siblings[siblings.index(first) :]:
        if one.local != name:
            break
        if not _is_provided(one, node):
            one.remove()


def _is_provided(one: Element, node: Element) -> bool:
    uri = one.text_of("contact")
    known = {
        "class": one.text_of("class"),
        "deviceid": one.text_of("deviceID"),
        "occurence-id": one.attribute("id"),
        "service-uri": uri,
        "service-uri-scheme": uri.partition(":")[0] if uri is not None and ":" in uri else None,
    }
    for wanted in node.elements:
        value = known.get(wanted.local)
        if value is not None and wanted.content.lower() == value.lower():
            return True
    return False
