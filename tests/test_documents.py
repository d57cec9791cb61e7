"""What documents name exists: paths, modules, classes, functions, verbs, options, variables, links.

Checked are README.md and every document of docs, benchmarks and data.
"""

import ast
import importlib
import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from phantom_core.core.glossary import GLOSSARY, PAGE, glossary_page
from tests.contracts.names import listed

ROOT: Final = Path(__file__).parents[1]
DOCUMENTS: Final = sorted(
    [
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "benchmarks").glob("*.md"),
        *(ROOT / "data").glob("*.md"),
    ]
)
PROMISES: Final = (ROOT / "docs" / "security.md", ROOT / "docs" / "online.md")
PACKAGES: Final = ("phantom", "phantom_core", "ui", "benchmarks")
FOLDERS: Final = ("phantom_core", "ui", "pages", "tests", "benchmarks", "deploy", "docs")
# A name in capitals stands for any: `phantom_core/market/policies/NAME.py`.
PLACEHOLDER: Final = re.compile(r"(?<![A-Za-z])[A-Z]{4,}(?![A-Za-z])")

_FENCE: Final = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
_SPAN: Final = re.compile(r"`([^`\n]+)`")
_LINK: Final = re.compile(r"\]\((?!\w+:)([^)\s]*)\)")
_DOTTED: Final = re.compile(rf"(?<![\w./-])((?:{'|'.join(PACKAGES)})(?:\.\w+)+)(?![\w/-])")
_SLASHED: Final = re.compile(rf"(?<![\w./-])((?:{'|'.join(FOLDERS)})/[\w./*-]*)")
_VARIABLE: Final = re.compile(r"PHANTOM_[A-Z_]*")
_OPTION: Final = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)")
_CALL: Final = re.compile(r"([A-Za-z_][\w.]*)\(")
_CLASS: Final = re.compile(r"(?<![\w.])((?:[A-Z][a-z0-9]+){2,})(?!\w)")
_MAKE: Final = re.compile(r"(?<!\w)make ([a-z]+)")

# Names of other people's, and of mathematics.
FOREIGN: Final = {"help", "from_arrow", "to_pandas", 
    "GradientExplainer", "HttpOnly", "KernelExplainer", "P", "SameSite", "StratifiedGroupKFold",
    "blake2b", "dag.test", "int", "log", "max", "number", "read_parquet",
}  # fmt: skip
# Variables that no verb reads: of deployment and of the tests.
OUTSIDE: Final = {"PHANTOM_HOME", "PHANTOM_PYTHON", "PHANTOM_TEST_TANSU"}

documents = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


@pytest.mark.parametrize(
    "named",
    [
        named
        for document in PROMISES
        for named in re.findall(r"tests/[\w/]+\.py(?:::\w+)?", document.read_text("utf-8"))
    ],
)
def test_every_promise_names_a_test_that_there_is(named: str) -> None:
    path, _, function = named.partition("::")
    content = (ROOT / path).read_text("utf-8")
    assert (
        f"def {function}(" in content
        if function
        else "def test_" in content or "TestCase" in content
    )


@documents
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    assert not [link for link in _LINK.findall(prose(document)) if not leads(document, link)]


@documents
def test_every_path_exists(document: Path) -> None:
    assert not [path for path in _SLASHED.findall(text_of(document)) if not exists(path)]


@documents
def test_every_module_and_what_it_holds_exists(document: Path) -> None:
    assert not [name for name in _DOTTED.findall(text_of(document)) if not resolves(name)]


@documents
def test_every_class_and_function_in_code_exists(document: Path) -> None:
    found = [name for span in spans(document) for name in called(span) | set(_CLASS.findall(span))]
    assert not sorted({name for name in found if name.split(".")[-1] not in known_names()})


@documents
def test_every_block_of_python_imports_what_exists(document: Path) -> None:
    blocks = [code for language, code in _FENCE.findall(text_of(document)) if language == "python"]
    assert not [name for code in blocks for name in imported(code) if not resolves(name)]


@documents
def test_every_verb_takes_the_options_that_it_is_shown_with(document: Path) -> None:
    assert not [problem for line in commands(document) for problem in wrong(line)]


@documents
def test_every_option_that_stands_alone_is_one_of_some_verb(document: Path) -> None:
    options = {word for line in listed("cli") for word in line.split() if word.startswith("--")}
    alone = [span.split()[0].split("=")[0] for span in spans(document) if span.startswith("--")]
    assert not sorted(set(alone) - options)


@documents
def test_every_variable_is_a_setting(document: Path) -> None:
    found = set(_VARIABLE.findall(text_of(document)))
    known = {*listed("env"), *OUTSIDE}
    groups = {name for name in found if name.endswith("_")}  # written with an ellipsis
    assert not sorted(found - groups - known)
    assert not [name for name in groups if not any(one.startswith(name) for one in known)]


@documents
def test_every_target_of_make_is_one(document: Path) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    found = [name for line in [*spans(document), *lines(document)] for name in _MAKE.findall(line)]
    assert not sorted(set(found) - set(targets))


def test_every_decision_has_a_number_of_its_own() -> None:
    paths = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(path.name[:4]) for path in paths] == list(range(1, len(paths) + 1))
    titles = [path.read_text(encoding="utf-8").partition("\n")[0] for path in paths]
    assert [title.partition(". ")[0] for title in titles] == [
        f"# {number}" for number in range(1, len(paths) + 1)
    ]


def test_the_glossary_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == glossary_page(), (
        "run python -m phantom_core.core.glossary"
    )


@pytest.mark.parametrize("term", GLOSSARY)
def test_a_term_is_explained_in_one_sentence(term: str) -> None:
    sentence = GLOSSARY[term]
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert ". " not in sentence
    assert "|" not in sentence


@cache
def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def prose(document: Path) -> str:
    """A document without its code, in which brackets mean something else."""
    return _SPAN.sub("", _FENCE.sub("", text_of(document)))


def spans(document: Path) -> list[str]:
    """Code within sentences."""
    return _SPAN.findall(_FENCE.sub("", text_of(document)))


def lines(document: Path) -> list[str]:
    """Lines of shell in blocks, without comments."""
    blocks = [code for name, code in _FENCE.findall(text_of(document)) if name == "sh"]
    return [line.partition(" # ")[0] for code in blocks for line in code.splitlines()]


def leads(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    if not target.exists():
        return False
    return not anchor or anchor in anchors(target)


def anchors(document: Path) -> set[str]:
    """What a heading can be linked by, as GitHub does it."""
    titles = re.findall(r"^#+ (.*)$", _FENCE.sub("", text_of(document)), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def exists(path: str) -> bool:
    """Whether files have this path; where it names any file, whether its folder exists."""
    if PLACEHOLDER.search(path):
        path = PLACEHOLDER.sub("*", path)
    return any(ROOT.glob(path.rstrip("./")))


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or something that a module holds."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        module = ".".join(parts[:length])
        try:
            if importlib.util.find_spec(module) is None:
                continue
        except ModuleNotFoundError:
            continue
        if length == len(parts):
            return True
        value: object = importlib.import_module(module)
        for part in parts[length:]:
            if not hasattr(value, part):
                return False
            value = getattr(value, part)
        return True
    return False


def imported(code: str) -> Iterator[str]:
    """Names that a block of Python imports from our packages."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{one.name}" for one in node.names]
        elif isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in PACKAGES)


def called(span: str) -> set[str]:
    """Functions that code within a sentence calls, apart from foreign ones."""
    return {
        name
        for name in _CALL.findall(span)
        if name not in FOREIGN and name.split(".")[0] not in {"shap", "st"}
    }


@cache
def known_names() -> frozenset[str]:
    """Functions, classes, attributes and parameters of the product, and foreign names."""
    folders = ("phantom", "phantom_core", "ui", "benchmarks")
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
    ]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    own = {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, kinds)}
    return frozenset(own | FOREIGN)


def commands(document: Path) -> Iterator[str]:
    """Commands of blocks and sentences, each beginning with its program or its verb."""
    for line in [*spans(document), *lines(document)]:
        for command in re.split(r" && | \| ", line):
            yield command.strip()


def wrong(command: str) -> Iterator[str]:
    """What is wrong with a command of PHANTOM, of a module or of a benchmark."""
    words = command.split()
    if words[:3] == ["python", "-m", "phantom_core"]:
        words = words[3:]
    elif words[:1] == ["phantom"]:
        words = words[1:]
    elif words[:1] == ["python"]:
        yield from wrong_module(words, command)
        return
    elif len(words) < 2 or words[0] not in groups() | verbs():
        return
    elif words[0] not in groups() and not _OPTION.search(command):
        return  # a formula that begins like a verb: price / base price
    if words:
        yield from wrong_verb(words, command)


def wrong_module(words: list[str], command: str) -> Iterator[str]:
    """What is wrong with a module or file that Python runs, and with its options."""
    name = words[2] if words[1:2] == ["-m"] else words[1].removesuffix(".py").replace("/", ".")
    if name.split(".")[0] not in PACKAGES:
        return
    if not resolves(name):
        yield f"{command}: no module '{name}'"
        return
    code = text_of(ROOT.joinpath(*name.split(".")).with_suffix(".py"))
    yield from (
        f"{command}: {name} does not take {option}"
        for option in _OPTION.findall(command)
        if f'"{option}"' not in code
    )


def wrong_verb(words: list[str], command: str) -> Iterator[str]:
    """What is wrong with a verb and its options."""
    verb = " ".join(words[:2]) if words and words[0] in groups() else " ".join(words[:1])
    if verb not in verbs():
        yield f"{command}: no verb '{verb}'"
        return
    taken = {line.removeprefix(f"{verb} ") for line in listed("cli") if line.startswith(f"{verb} ")}
    yield from (
        f"{command}: {verb} does not take {option}"
        for option in _OPTION.findall(command)
        if option not in taken and option != "--help"
    )


@cache
def verbs() -> frozenset[str]:
    """Every verb, and every verb of a group."""
    return frozenset(line for line in listed("cli") if re.fullmatch("[a-z ]+", line))


@cache
def groups() -> frozenset[str]:
    """Words that other verbs begin with."""
    return frozenset(verb.split()[0] for verb in verbs() if " " in verb)
