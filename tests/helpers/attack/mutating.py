"""Damages files as chance has it: bytes anywhere, numbers and elements of XML, members of a product's zip."""

import random
import re
import warnings
import zipfile
from io import BytesIO

NUMBERS = (0, 1, 2, 3, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
"""Values that widths, counts, offsets and types are overwritten with."""
TEXTS = (
    b"", b"0", b"-1", b"1e308", b"-1e308", b"1e-320", b"nan", b"inf", b"-inf", b"9" * 400, b"1 2", b"x", b"1_0",
    "\u0661".encode(), b"0x10", b"2031-01-01T00:00:00", b"0001-01-01T00:00:00", b"2021-04-01T05:26:23+23:59",
    b"../../x.tif", b"/vsicurl/http://127.0.0.1/x", b"&amp;" * 9, b"\xff\xfe", b"]]>",
)  # fmt: skip
"""What the text of an element is overwritten with."""
_TEXT = re.compile(rb">([^<>]{1,4000})<")
_VALUE = re.compile(rb'"([^"<>]{1,300})"')
_ELEMENT = re.compile(rb"<(\w+)[^<>]*>(?:(?!</?\1[\s>]).)*</\1>", re.DOTALL)


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Flip bits, overwrite numbers, cut off, repeat and leave out parts; mostly near the head, where the tags are."""
    body = bytearray(content)
    if len(body) < 16:
        return content
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(4, min(len(body), 1024) if chance.random() < 0.7 else len(body))
        match chance.randrange(5):
            case 0:
                body[at] ^= 1 << chance.randrange(8)
            case 1 | 2:
                size = chance.choice((2, 4, 8))
                number = chance.choice(NUMBERS) % 2 ** (8 * size)
                body[at : at + size] = number.to_bytes(size, "little")
            case 3:
                body[at:at] = body[at : at + chance.randint(1, 64)]
            case _:
                del body[at : at + chance.randint(1, 64)]
        if len(body) < 16:
            break
    return bytes(body[: chance.randint(16, len(body))] if chance.random() < 0.1 and len(body) > 16 else body)


def mutated_xml(text: bytes, chance: random.Random) -> bytes:
    """Overwrite texts, words in them and attributes; repeat, move and leave out elements. Mostly well formed."""
    for _ in range(chance.randint(1, 4)):
        pattern = chance.choice((_TEXT, _TEXT, _VALUE, _ELEMENT))
        places = list(pattern.finditer(text))
        if not places:
            continue
        place = chance.choice(places)
        start, end = place.span() if pattern is _ELEMENT else place.span(1)
        text = text[:start] + _other(text[start:end], chance, element=pattern is _ELEMENT) + text[end:]
    return text


def _other(old: bytes, chance: random.Random, *, element: bool) -> bytes:
    if element:
        return chance.choice((b"", old * 2, old * chance.choice((50, 3000)) if len(old) < 500 else old * 2))
    words = old.split()
    if len(words) > 1 and chance.random() < 0.7:
        match chance.randrange(4):
            case 0:
                words[chance.randrange(len(words))] = chance.choice(TEXTS)
            case 1:
                del words[chance.randrange(len(words))]
            case 2:
                chance.shuffle(words)
            case _:
                words *= chance.choice((2, 500))
        return b" ".join(words)
    return chance.choice(TEXTS)


def mutated_product(content: bytes, chance: random.Random) -> bytes:
    """Damage one or two members of a product's zip, by their kind, and pack it anew, some members twice or none."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = [(member.filename, archive.read(member)) for member in archive.infolist()]
    for _ in range(chance.randint(1, 2)):
        at = chance.randrange(len(members))
        name, old = members[at]
        is_text = name.endswith((".xml", ".safe"))
        members[at] = (name, mutated_xml(old, chance) if is_text and chance.random() < 0.9 else mutated(old, chance))
    if chance.random() < 0.1:
        members.insert(chance.randrange(len(members)), chance.choice(members))
    if chance.random() < 0.1:
        del members[chance.randrange(len(members))]
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings(action="ignore"):
        for name, body in members:
            archive.writestr(name, body)
    return packed.getvalue()
