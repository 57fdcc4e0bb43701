"""The results that the pages quote: one row for an experiment with its arguments, and tables of such rows.

A row is read off a recorded run and never typed: `python -m vfe_lightning results --add RUN`.
"""

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.entities import Run

from vfe_lightning.presentation import SURE, units_text, with_error

Row = dict[str, Any]
ESTIMATES = (  # with errors, beside the variational F
    "importance_free_energy",
    "bennett_free_energy",
    "smc_free_energy",
    "lower_bound",
    "free_energy_difference",
    "bennett_difference",
    "free_energy_with_motion",  # of nuclei
    "pressure",
    "kinetic",
    "potential",
)
HEADLINES = ("free_energy", "energy", "entropy", *ESTIMATES)
EXACT = (  # with bounds
    *(f"reference_{name}{end}" for name in ("free_energy", "energy", "entropy") for end in ("", "_error")),
    "excess",
    "exact_free_energy_difference",
)
TYPES: dict[Any, Any] = {
    **dict.fromkeys(("experiment", "arguments", "run", "commit", "date", "device"), "str"),
    **dict.fromkeys(("threads", "steps"), "Int64"),
    "seconds": "float64",  # by the clock
    **dict.fromkeys(("units", "per"), "str"),
    "size": "Int64",
    **dict.fromkeys((f"{name}{end}" for name in HEADLINES for end in ("", "_error")), "float64"),
    **dict.fromkeys((*EXACT, "effective_sample_size"), "float64"),
    "landmark": "str",  # the lowest one
    "landmark_free_energy": "float64",
    **dict.fromkeys(("parameters", "alarms"), "str"),
}


Found = Sequence[tuple[str, float, float]]  # name, value, error: see `results.read`


def row(
    run: Run, parameters: Mapping[str, Any], arguments: Sequence[str], seconds: float, results: Found
) -> Row:
    """What is quoted of a finished run: its declared parameters, its tags, and its own table of results."""
    tags = run.data.tags
    dirty = "+" if tags.get("git.dirty") == "true" else ""  # there is an uncommitted.diff among its artifacts
    landmark, lowest = _best_landmark(results)
    processes = int(parameters["trainer.devices"]) * int(parameters["trainer.num_nodes"])
    found: Row = {}
    for name, value, error in results:
        found |= {name: value, f"{name}_error": error}
    found |= {
        "experiment": parameters["name"],
        "arguments": shlex.join(arguments),
        "run": run.info.run_id,
        "commit": tags.get("vfe.commit", tags.get("git.commit", ""))[:12]
        + dirty,  # of the code, not a script's
        "date": pd.Timestamp(run.info.start_time, unit="ms").strftime("%Y-%m-%d"),
        "device": tags.get("device", ""),
        "threads": processes * int(parameters["trainer.threads"] or 0),
        "steps": int(parameters["trainer.max_steps"]),
        "seconds": round(seconds, 1),
        "units": tags.get("units", ""),
        "per": tags.get("per", ""),
        "size": int(tags["size"]),
        "landmark": landmark,
        "landmark_free_energy": lowest,
        "parameters": tags.get("vfe.parameters", ""),
        "alarms": tags.get("vfe.alarms", ""),
    }
    return {name: found.get(name) for name in TYPES}


def _best_landmark(results: Found) -> tuple[str, float | None]:
    """The lowest free energy of an approximation, in a table of `analysis.results`."""
    end = " free_energy"
    known = [(f, name) for name, f, _ in results if name.endswith(end) and not math.isnan(f)]
    return (min(known)[1].removesuffix(end), min(known)[0]) if known else ("", None)


def read(path: Path) -> list[Row]:
    """All rows; words that are missing are empty, and numbers not a number."""
    if not path.exists():
        return []
    rows = pd.read_csv(path, dtype=TYPES).reindex(columns=list(TYPES))  # there are more than there were
    rows = rows.fillna({name: "" for name, kind in TYPES.items() if kind == "str"})
    return [dict(row) for _, row in rows.iterrows()]


def write(path: Path, rows: Sequence[Row], added: Sequence[Row]) -> None:
    """Rows and those that take the place of others of the same experiment with the same arguments."""
    known = {(r["experiment"], r["arguments"]): r for r in [*rows, *added]}
    ordered = [known[key] for key in sorted(known)]
    pd.DataFrame(ordered, columns=list(TYPES)).to_csv(path, index=False, lineterminator="\n")


def table(rows: Sequence[Row]) -> str:
    """A Markdown table of one or more rows, without the columns that are empty in all of them."""
    cells = [_cells(row) for row in rows]
    names = [name for name in cells[0] if any(c[name] for c in cells)]
    lines = [names, ["---"] * len(names), *([c[name] for name in names] for c in cells)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cells(row: Row) -> dict[str, str]:
    def number(name: str) -> str:
        value, error = row[name], row[f"{name}_error"]
        return "" if _empty(value) else with_error(value, 0.0 if _empty(error) else error)

    def exact(name: str) -> str:
        value, bound = row[name], row.get(f"{name}_error", 0.0)
        sure = _empty(bound) or bound <= abs(value) * SURE
        return "" if _empty(value) else with_error(value, 0.0 if sure else bound)

    landmark = row["landmark_free_energy"]
    found = "" if _empty(landmark) else f"{landmark:.7g}, {row['landmark']}"
    share = row["effective_sample_size"]
    return {
        "run": f"`{row['experiment']} {row['arguments']}".strip() + "`",
        "F": number("free_energy"),
        "importance-sampled F": number("importance_free_energy"),
        "F from both sides": number("bennett_free_energy"),
        "F by sequential Monte Carlo": number("smc_free_energy"),
        "bound from below": number("lower_bound"),
        "exact F": exact("reference_free_energy"),
        "best landmark": found,
        "E": number("energy"),
        "exact E": exact("reference_energy"),
        "S": number("entropy"),
        "exact S": exact("reference_entropy"),
        "difference of F": number("free_energy_difference"),
        "from both sides": number("bennett_difference"),
        "exact difference": exact("exact_free_energy_difference"),
        "F with motion": number("free_energy_with_motion"),
        "P / GPa": number("pressure"),
        "K": number("kinetic"),
        "V": number("potential"),
        "units": units_text(row["units"], row["per"]),
        "sample size": "" if _empty(share) else f"{share:.2g}",
        "alarms": row["alarms"],
        "steps": str(row["steps"]),
        "s": f"{row['seconds']:.0f}",
        "id": row["run"][:8],
    }


def _empty(value: Any) -> bool:
    return value is None or math.isnan(value)
