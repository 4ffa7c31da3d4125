"""Airflow DAG: scrape if asked to, score, once a week maintain; for Airflow 3.

Link it into the folder of DAGs. Airflow needs nothing of this project: each task runs the console
script ``covergenre`` of the environment that ``executable`` names, and goes by its exit code.
Settings are the DAG's params, below; the Airflow Variable ``covergenre``, a JSON object, overrides
their defaults, and what a run is triggered with overrides both.
"""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.exceptions import AirflowException, AirflowFailException
from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import DAG, BaseOperator, Param, Variable, task

LOCKED = 7
# Exit codes that another try would give again: wrong arguments (2), an environment that cannot work
# (3), tables that do not add up (4), a bundle (6) or a run (8) below its thresholds.
FINAL = frozenset({2, 3, 4, 6, 8})

PARAMS = {
    "executable": Param("covergenre", type="string", description="path of the console script"),
    "spark_options": Param("", type="string", description="of spark-submit, as in a shell"),
    "source": Param("", type="string", description="scraped first: musicbrainz, allmusic; or none"),
    "covers": Param("", type="string", description="catalogue to score; empty: the warehouse"),
    "output": Param("", type="string", description="warehouse: a folder or a URL"),
    "arguments": Param("", type="string", description="further ones of every job, e.g. --config F"),
    "maintain_on": Param(6, type=["integer", "null"], minimum=0, maximum=6,
                         description="weekday of maintain, 0 is Monday; null: never"),
}  # fmt: skip
CATALOGUE = {"--covers": "covers", "--output": "output"}


def settings(context: Any) -> dict[str, Any]:
    """What holds for a run: its params, where they are defaults the Variable's, if it has them."""
    shared = Variable.get("covergenre", default={}, deserialize_json=True)
    defaults = {name: param.value for name, param in PARAMS.items()}
    given = {n: v for n, v in context["params"].items() if v != defaults.get(n)}
    chosen: dict[str, Any] = defaults | shared | given
    return chosen | {"covers": chosen["covers"] or chosen["output"]}


class Covergenre(BaseOperator):  # type: ignore[misc]
    """A job, by its verb.

    Args:
        verb: of ``covergenre``.
        options: the job's options, to the names of the settings they come from; without a value
            they are left out.
    """

    def __init__(self, *, verb: str, options: dict[str, str], **kwargs: Any) -> None:
        super().__init__(task_id=verb, **kwargs)
        self.verb, self.options = verb, options
        self._process = SubprocessHook()

    def command(self, chosen: dict[str, Any]) -> list[str]:
        """The command line for settings."""
        values = {option: chosen[name] for option, name in self.options.items()}
        return [
            chosen["executable"],
            *shlex.split(chosen["spark_options"]),
            self.verb,
            *(word for option, value in values.items() if value for word in (option, str(value))),
            *shlex.split(chosen["arguments"]),
        ]

    def execute(self, context: Any) -> None:
        """Run the job.

        Raises:
            AirflowFailException: trying again would not help.
            AirflowException: it may.
        """
        command = self.command(settings(context))
        code = self._process.run_command(command).exit_code
        if code in FINAL:
            raise AirflowFailException(f"{self.verb} exits with {code}: see its last lines above")
        if code == LOCKED:
            raise AirflowException(f"{self.verb}: another run holds the warehouse")
        if code != 0:
            raise AirflowException(f"{self.verb} exits with {code}; the next try goes on from here")

    def on_kill(self) -> None:
        """End the job with the task: Spark's Java and all that it started."""
        self._process.send_sigterm()


with DAG(
    dag_id="covergenre_nightly",
    description="Score a catalogue of album covers",
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # a run does what all missed ones would have done
    max_active_runs=1,
    params=PARAMS,
    default_args={
        "retries": 4,
        "retry_delay": timedelta(minutes=10),
        "retry_exponential_backoff": True,
        "execution_timeout": timedelta(hours=20),
    },
    tags=["covergenre"],
) as dag:

    @task.short_circuit(ignore_downstream_trigger_rules=False)  # type: ignore[untyped-decorator]
    def scraping(**context: Any) -> bool:
        """Whether there is a source."""
        return bool(settings(context)["source"])

    @task.short_circuit  # type: ignore[untyped-decorator]
    def maintaining(**context: Any) -> bool:
        """Whether it is the day for it."""
        return bool(context["dag_run"].run_after.weekday() == settings(context)["maintain_on"])

    scrape = Covergenre(verb="scrape", options={"--source": "source", "--output": "output"})
    # Where there is nothing to scrape there is something to score.
    score = Covergenre(verb="score", options=CATALOGUE, trigger_rule="none_failed")
    scraping() >> scrape >> score >> maintaining() >> Covergenre(verb="maintain", options=CATALOGUE)
