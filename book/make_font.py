"""Cut the book's mathematics font down to the symbols that the book uses.

    python book/make_font.py [FONT]

Reads the built pages in _build/html, collects every symbol inside their formulas, and
writes book/static/mathematics.css: the subset of FONT as a web font inside the style
sheet, so that it is there before the first formula is drawn, also from a disk, where
some browsers refuse to load a font file. FONT is an OpenType font with a MATH table;
the book's is TeX Gyre Pagella Math (GUST Font License; in Debian fonts-texgyre-math).
"""

import base64
import html
import io
import os
import re
import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "book" / "static" / "mathematics.css"
FONT = "/usr/share/texmf/fonts/opentype/public/tex-gyre-math/texgyrepagella-math.otf"
NAME = "Descent Mathematics"
GREEK = "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡϴΣΤΥΦΧΨΩ∇αβγδεζηθικλμνξοπρςστυφχψω∂ϵϑϰϕϱϖ"


def symbols(pages):
    """Return the characters inside the formulas of HTML pages, italic ones included.

    A browser draws a variable of one letter with the italic letter of Unicode's
    mathematical alphabet, which does not itself stand in the page.
    """
    found = set()
    for page in pages:
        for formula in re.findall(r"<math.*?</math>", page, re.DOTALL):
            formula = re.sub(
                r"<annotation.*?</annotation>", "", formula, flags=re.DOTALL
            )
            found |= set(html.unescape(re.sub(r"<[^>]+>", "", formula)))
    return found | {italic(letter) for letter in found}


def italic(letter):
    """Return the mathematical italic form of a Latin or Greek letter, else itself."""
    if letter == "h":
        return "ℎ"
    if letter.isascii() and letter.isalpha():
        base = 0x1D434 if letter.isupper() else 0x1D44E
        return chr(base + ord(letter.upper()) - ord("A"))
    if letter in GREEK:
        return chr(0x1D6E2 + GREEK.index(letter))
    return letter


def cut(font_path, characters):
    """Return the WOFF2 bytes of a font with the given characters only."""
    options = subset.Options(flavor="woff2", layout_features=["ssty", "dtls", "flac"])
    options.drop_tables += ["FFTM"]
    options.name_IDs = [0, 13, 14]  # copyright and licence stay with the font
    font = TTFont(font_path)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[ord(character) for character in characters])
    cutter.subset(font)
    font.flavor = "woff2"
    buffer = io.BytesIO()
    font.save(buffer, reorderTables=False)
    return buffer.getvalue()


def style_sheet(font):
    """Return a style sheet that carries a WOFF2 font and sets formulas in it."""
    data = base64.b64encode(font).decode()
    return (
        "/* Written by book/make_font.py from TeX Gyre Pagella Math, cut down to the\n"
        "   symbols of this book. Copyright 2012-2014 B. Jackowski, P. Strzelczyk and\n"
        "   P. Pianowski, on behalf of TeX users groups; GUST Font License 1.0. */\n"
        f'@font-face {{\n  font-family: "{NAME}";\n'
        f'  src: url(data:font/woff2;base64,{data}) format("woff2");\n}}\n'
    )


def main(font_path=FONT):
    if not Path(font_path).exists():
        sys.exit(f"there is no font {font_path}; name one with a MATH table.")
    paths = sorted((ROOT / "_build" / "html").rglob("*.html"))
    if not paths:
        sys.exit("_build/html holds no pages; run 'make book' first.")
    wanted = symbols(path.read_text(encoding="utf-8") for path in paths)
    text = style_sheet(cut(font_path, wanted))
    aside = TARGET.with_suffix(".new")
    aside.write_text(text, encoding="ascii")
    os.replace(aside, TARGET)
    print(f"{len(wanted)} symbols, {len(text) / 1024:.0f} kB: {TARGET}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
