"""Size and speed of a report: `uv run --dev python -m benchmarks.report`.

A study of 1,000 trials of 100 epochs, made up, becomes a page; headless Chromium opens it. The page
should be written in 20 s, take 15 MB and open in 2 s.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import yaml
from playwright.sync_api import Browser, sync_playwright

from tuner.config.settings import count_cores

TRIALS, EPOCHS, ROUNDS = 1000, 100, 5
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def main() -> None:
    """Measure, print and keep the numbers."""
    with TemporaryDirectory() as folder:
        study = Path(folder) / "study"
        write_synthetic_study(study)
        writing = measure_writing(study)
        page = study / "report.html"
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
            opening = [measure_opening(browser, page) for _ in range(ROUNDS)]
            browser.close()
        kept = {
            "command": "python -m benchmarks.report",
            "date": str(date.today()),
            "hardware": f"{count_cores()}-core-{platform.machine()}",
            "load_average": round(os.getloadavg()[0], 1),
            "trials": TRIALS,
            "epochs": EPOCHS,
            **writing,
            "megabytes": round(page.stat().st_size / 1e6, 2),
            "opening_ms_median_of_5": {
                key: round(median(each[key] for each in opening)) for key in opening[0]
            },
        }
    print(json.dumps(kept, indent=1))
    name = f"report_{kept['hardware']}_{kept['date']}.json"
    (Path(__file__).parent / name).write_text(json.dumps(kept, indent=1) + "\n")


def write_synthetic_study(folder: Path) -> None:
    """Write the frames of a study whose curves rise and are noisy."""
    folder.mkdir()
    rng, epoch = np.random.default_rng(0), np.arange(1, EPOCHS + 1)
    names = [f"{i:04d}" for i in range(TRIALS)]
    top = rng.uniform(0.3, 0.55, (TRIALS, 1))
    robust = top * (1 - np.exp(-epoch / 20)) + rng.normal(0, 0.005, (TRIALS, EPOCHS))
    clean = robust + 0.3 + rng.normal(0, 0.005, (TRIALS, EPOCHS))
    pd.DataFrame({
        "trial_id": np.repeat(names, EPOCHS),
        "epoch": np.tile(epoch, TRIALS),
        "train_loss": rng.uniform(0.3, 2, TRIALS * EPOCHS),
        "val_clean_accuracy": clean.ravel(),
        "val_robust_accuracy": robust.ravel(),
        "gradient_passes": np.tile(epoch * 11.0, TRIALS),
        "seconds": 1.0,
        "level": 0,
    }).to_parquet(folder / "epochs.parquet")
    pd.DataFrame({
        "trial_id": names,
        "status": rng.choice(["completed", "stopped"], TRIALS),
        "optimizer.lr": 10 ** rng.uniform(-4, -1, TRIALS),
        "optimizer.weight_decay": 10 ** rng.uniform(-5, -2, TRIALS),
        "model.activation": rng.choice(["relu", "softplus"], TRIALS),
        "best_epoch": robust.argmax(1) + 1,
        "level": 0,
        "val_clean_accuracy": clean[np.arange(TRIALS), robust.argmax(1)],
        "val_robust_accuracy": robust.max(1),
        "epochs": EPOCHS,
        "seconds": 100.0,
        "gradient_passes": EPOCHS * 11.0,
        "seed": 0,
        "error": "",
    }).to_parquet(folder / "trials.parquet")
    said = {"fixed": {"data": {"validation": 1000}}, "study": {"trials": TRIALS}}
    (folder / "search.yaml").write_text(yaml.safe_dump(said))


def measure_writing(study: Path) -> Mapping[str, float]:
    """Return the time to write the page, including the start of Python."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "analysis.report", str(study)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {
        "writing_seconds": round(time.perf_counter() - start, 1),
        "writing_cpu_seconds": round(cpu, 1),
    }


def measure_opening(browser: Browser, page: Path) -> dict[str, Any]:
    """Return milliseconds from the request of the page until parts of it are shown."""
    tab = browser.new_page(viewport={"width": 1300, "height": 900})
    tab.goto(page.as_uri())
    tab.locator("#chart-curves").scroll_into_view_if_needed()
    tab.wait_for_selector("#chart-curves[data-ready]")
    marks = {
        "first_paint": "performance.getEntriesByName('first-contentful-paint')[0].startTime",
        "table": "performance.getEntriesByName('table')[0].startTime",
        "loaded": "performance.getEntriesByType('navigation')[0].loadEventEnd",
        "first_chart": "performance.getEntriesByName('chart')[0].startTime",
    }
    found = {key: tab.evaluate(script) for key, script in marks.items()}
    tab.close()
    return found


if __name__ == "__main__":
    main()
