"""What the source never does, read from the source: no pickle, no code from data or from a hub, no shell."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import influencespace

ROOT = Path(influencespace.__file__).parents[1]
FILES = [ROOT / "app.py", *sorted(ROOT.glob("pages/*.py")), *sorted(ROOT.glob("influencespace/**/*.py"))]
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle", "yaml"}
CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "torch.load", "torch.jit.load", "torch.hub.load",
    "pd.read_pickle", "pandas.read_pickle", "np.fromregex", "runpy.run_path", "runpy.run_module",
}
# Keywords whose only allowed value is this constant.
ONLY = {
    "allow_pickle": False, "trust_remote_code": False, "shell": False, "use_safetensors": True, "weights_only": True,
    "unsafe_allow_html": False, "unsafe_allow_javascript": False,
}


def found_in(source: str) -> list[str]:
    """What a file does that none of the project's does."""
    return [f"line {line}: {what}" for line, what in _found(ast.parse(source))]


def _found(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            names = []
        yield from ((node.lineno, f"imports {name}") for name in names if name.split(".")[0] in MODULES)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in CALLS:
                yield node.lineno, f"calls {called}"
            if called.endswith(".from_pretrained") and not _says_no_remote_code(node, tree):
                yield node.lineno, f"{called} without trust_remote_code=False"
            given = {keyword.arg: keyword.value for keyword in node.keywords}
        elif isinstance(node, ast.Dict):
            given = {key.value: value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)}
        else:
            given = {}
        for name, only in ONLY.items():
            if name in given and not (isinstance(given[name], ast.Constant) and given[name].value is only):
                yield node.lineno, f"{name} is not {only}"


def _says_no_remote_code(call: ast.Call, tree: ast.AST) -> bool:
    """By a keyword, or by a dictionary of the file that the call takes keywords from."""
    keywords = {keyword.arg for keyword in call.keywords}
    return "trust_remote_code" in keywords or (None in keywords and "'trust_remote_code': False" in ast.unparse(tree))


def test_no_file_loads_pickles_or_runs_what_it_reads():
    found = {str(file.relative_to(ROOT)): found_in(file.read_text(encoding="utf-8")) for file in FILES}
    assert len(found) > 100
    assert not {file: what for file, what in found.items() if what}


@pytest.mark.parametrize("bad", [
    "import pickle", "from joblib import load", "import cloudpickle.x", "torch.load(f)", "np.load(f, allow_pickle=True)",
    "np.load(f, allow_pickle=allowed)", "A.from_pretrained(f)", "A.from_pretrained(f, trust_remote_code=True)",
    "subprocess.run(c, shell=True)", "eval(x)", "import yaml", "{'trust_remote_code': True}",
    "st.markdown(x, unsafe_allow_html=True)",
    "A.from_pretrained(f, use_safetensors=None, trust_remote_code=False)", "A.from_pretrained(f, **loading)",
])
def test_each_of_these_would_be_found(bad):
    assert found_in(bad)


def test_scripts_of_the_pages_make_no_html_of_text():
    ways = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc", "javascript:")
    for script in ROOT.glob("influencespace/ui/elements/*.js"):
        text = script.read_text(encoding="utf-8")
        assert not [way for way in ways if way in text], script.name
