"""A strict reader of the LaTeX that tables may hold, and a compiler where there is one."""

import re
import shutil
import subprocess
from pathlib import Path

from causalhyper.report import LATEX_PACKAGES

TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\$[^$]*\$|--|[{}&]|[^\\{}$&%#_^~<>|\"\[\]]|[\[\]]", re.S)
PRINTS = {
    r"\textbackslash": "\\", r"\{": "{", r"\}": "}", r"\$": "$", r"\&": "&", r"\#": "#",
    r"\%": "%", r"\_": "_", r"\textasciicircum": "^", r"\textasciitilde": "~",
    r"\textless": "<", r"\textgreater": ">", r"\textbar": "|", r"\textasciigrave": "`",
    r"\ldots": "…", r"\allowbreak": "", r"\ss": "ß",
    "$-$": "−", r"$\beta$": "β", r"$^{2}$": "²", r"$_{2}$": "₂", r"$\times$": "×", r"$\to$": "→",
    r"$\Sigma$": "Σ", r"$\perp$": "⊥", r"$\lambda$": "λ", r"$\rho$": "ρ",
    r"$\leq$": "≤", r"$\pm$": "±", "--": "–", r"$\emptyset$": "∅", r"$\in$": "∈",
    r"$^{\prime}$": "′",
}  # fmt: skip
"""What TeX prints for each command that a text may hold."""


def printed(source: str) -> str:
    """What TeX prints of a text; an unknown command or a bare special sign is an error."""
    source = source.replace(r"\char34{}", r"\quote{}")
    out, at, depth = [], 0, 0
    for token in TOKEN.finditer(source):
        assert token.start() == at, f"TeX would read {source[at : token.start()]!r}"
        at, text = token.end(), token.group()
        if text in "{}":
            depth += {"{": 1, "}": -1}[text]
            assert depth >= 0
        else:
            assert text != "&", "a cell would end"
            assert text in PRINTS or text == r"\quote" or text[0] not in "\\$", text
            out.append('"' if text == r"\quote" else PRINTS.get(text, text))
    assert at == len(source), f"TeX would read {source[at:]!r}"
    assert depth == 0
    return "".join(out)


def body(source: str) -> list[list[str]]:
    """The printed cells of every row of a table, its head first."""
    kind = "longtable" if "longtable" in source else "tabular"
    inside = source.split(f"\\begin{{{kind}}}")[1].split(f"\\end{{{kind}}}")[0]
    lines = [line for line in inside.splitlines()[1:] if line.endswith(r" \\")]
    lines = [line for line in lines if not line.startswith(r"\caption")]
    if kind == "longtable":
        assert lines[0] == lines[1], "a long table repeats its head"
        lines = lines[1:]
    return [[printed(_flat(cell)) for cell in re.split(r"(?<!\\)&", line[:-3])] for line in lines]


def _flat(cell: str) -> str:
    """A cell without the spaces around it; the lines of a stacked head become one."""
    stacked = re.fullmatch(r"\\shortstack\[[lr]\]\{(.*)\}", cell.strip(), re.S)
    return " ".join(stacked[1].split(r"\\")) if stacked else cell.strip()


def environments(source: str) -> list[str]:
    """Names of the environments in the order in which they open; each must close."""
    open_, seen = [], []
    for word, name in re.findall(r"(?<!\\)\\(begin|end)\{(\w+)\}", source):
        if word == "begin":
            open_.append(name)
            seen.append(name)
        else:
            assert open_.pop() == name
    assert not open_
    return seen


def compiles(sources: list[str], folder: Path) -> None:
    """Hand the tables to LaTeX, where this machine has one: no error, no table too wide."""
    if shutil.which("pdflatex") is None:
        return
    packages = "".join(f"\\usepackage{{{name}}}\n" for name in LATEX_PACKAGES)
    text = "\n\\clearpage\n".join(sources)
    document = (
        f"\\documentclass{{article}}\n{packages}\\begin{{document}}\n{text}\\end{{document}}"
    )
    (folder / "all.tex").write_text(document)
    words = ["pdflatex", "-draftmode", "-interaction=nonstopmode", "all.tex"]
    done = subprocess.run(words, cwd=folder, capture_output=True, check=False)
    log = done.stdout.decode(errors="replace")
    assert done.returncode == 0, log
    assert not re.findall(r"^!.*", log, re.M)
    wide = [float(x) for x in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
    assert max(wide, default=0.0) < 5.0, log
    assert "Float too large" not in log
