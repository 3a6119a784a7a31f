"""The reference page of GPU-hours, which takes about two minutes to compute."""

from benchmarks import gpu_hours
from docs.render import escaped, table


def gpu_hours_page() -> str:
    """Return the page of GPU-hours: what each published table costs, at three published speeds."""
    speeds = gpu_hours.list_speeds()
    lines = "\n".join(speed_line(each.multiplications_per_hour, each.source) for each in speeds)
    rows = [cost_row(each, speeds[0], speeds[-1]) for each in gpu_hours.list_table_costs()]
    titles = ("space", "configurations", "epochs", "10^18 multiplications", "GPU-hours")
    return f"""# GPU-hours of the papers' tables

The estimate and its assumptions are described in [Reproduce a paper](../reproduce.md#gpu-hours).
`python -m docs.generate --gpu-hours` computes it again. Speeds of three published trainings:

{lines}

{table(titles, rows)}
"""


def speed_line(multiplications: float, source: str) -> str:
    """Return a published speed, given in multiplications an hour, as an item of a list."""
    rate = multiplications / 3600 / 1e12
    return f"- {rate:.1f} x 10^12 multiplications a second: {escaped(source)}"


def cost_row(
    cost: gpu_hours.TableCost, slow: gpu_hours.Speed, quick: gpu_hours.Speed
) -> tuple[str, ...]:
    """Return the row of a table of `benchmarks.gpu_hours`, with its hours at two speeds."""
    return (
        f"[`{cost.space}`](spaces.md#space{cost.space})",
        str(cost.cells),
        str(cost.epochs),
        f"{cost.multiplications / 1e18:.1f}",
        f"{cost.compute_gpu_hours(quick):.0f} to {cost.compute_gpu_hours(slow):.0f}",
    )
