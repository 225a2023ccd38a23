"""Numbers of another program: the four-parameter log-logistic fit of R's drc to its own data.

    python -m tests.oracles.make_log_logistic

Writes ``log_logistic.json`` beside this file. Needs R with drc; the stored numbers are those that
drc 3.0.6 prints on its reference pages `coef.drc` and `maED` for its data `ryegrass`.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

CODE = """
library(drc)
fit <- drm(rootl ~ conc, data = ryegrass, fct = LL.4())
cat(jsonlite::toJSON(list(
  dose = ryegrass$conc, response = round(ryegrass$rootl, 7),
  coefficients = as.list(setNames(round(coef(fit), 7), c("b", "c", "d", "e"))),
  effective_doses = as.vector(round(ED(fit, c(10, 50, 90), display = FALSE)[, 1], 6))
), digits = 10, auto_unbox = TRUE))
"""


def main() -> None:
    """Run R and store what it says."""
    found = subprocess.run(["Rscript", "-e", CODE], capture_output=True, text=True, check=True)
    text = json.dumps(json.loads(found.stdout), indent=1)
    Path(__file__).with_name("log_logistic.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
