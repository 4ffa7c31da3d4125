"""The Spark session."""

from __future__ import annotations

import logging
import os
import platform
import sys
import warnings

from pyspark.sql import SparkSession

from covergenre.cpuinfo import cpuinfo
from covergenre.environment import FIX, MismatchError, check_java, check_packages, check_python

# Albums from which on a run's queries pass so many rows that code of their own pays off.
_MANY_ALBUMS = 200_000
# For few and for many.
_CODE = {
    "spark.sql.codegen.wholeStage": ("false", "true"),
    "spark.sql.codegen.factoryMode": ("NO_CODEGEN", "FALLBACK"),
}


def build(job: str) -> SparkSession:
    """The running session, or a new one with the defaults that ``make env`` wrote.

    Raises:
        MismatchError: Java, Python, a package or Delta's jars cannot work; says the fix.
    """
    check_python()
    check_packages()
    _quieten()
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        # Under spark-submit Java is running already and spark.pyspark.python names the workers'
        # Python; a plain Python would take the first python3 on PATH.
        check_java()
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = SparkSession.builder.appName(f"covergenre {job}").getOrCreate()
    check_delta(spark)
    _remember_classes(spark)
    return spark


def _remember_classes(spark: SparkSession) -> None:
    """Keep what PySpark asks Java for by a short name with nearly every column and literal.

    py4j keeps nothing itself: Java looks for each such name in all jars of its class path, in one
    imported package after the other, which was a twentieth of a short run.
    """
    jvm = spark._jvm
    for name in ("functions", "PythonSQLUtils", "PythonUtils"):
        setattr(jvm, name, getattr(jvm, name))


def suit(spark: SparkSession, albums: int) -> None:
    """Have Spark write code for each query where many rows pass it, and not where few do.

    Such code is new to Java with every query: it is slow at first, then it is compiled, on cores
    that could look at covers. What spark-submit was told about it stays.

    Args:
        spark: the session.
        albums: of the catalogue that the run is about.
    """
    told = spark.sparkContext.getConf()
    for name, (few, many) in _CODE.items():
        if not told.contains(name):
            spark.conf.set(name, many if albums >= _MANY_ALBUMS else few)


def _quieten() -> None:
    """Silence what users can do nothing about."""
    # petastorm 0.13 stands on pyarrow's legacy dataset, which is why pyarrow is held at 14.
    warnings.filterwarnings("ignore", category=FutureWarning, module="petastorm")
    logging.getLogger("petastorm").setLevel(logging.ERROR)
    # Errors of SQL are told by the jobs, in a line.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)


def check_delta(spark: SparkSession) -> None:
    """Raise MismatchError unless Delta's jars are on the class path and switched on."""
    extensions = spark.conf.get("spark.sql.extensions", "") or ""
    jvm = spark._jvm
    assert jvm is not None
    found = jvm.org.apache.spark.util.Utils.classIsLoadable(
        "io.delta.sql.DeltaSparkSessionExtension"
    )
    if not found or "DeltaSparkSessionExtension" not in extensions:
        what = "jars are not in Spark's folder" if not found else "extension is not switched on"
        raise MismatchError(f"Delta's {what}: {FIX}")


def task_cpus(spark: SparkSession) -> int:
    """Cores that one task may use."""
    return int(spark.sparkContext.getConf().get("spark.task.cpus", "1"))


def processor() -> str:
    """Model name of this machine's processor, with the matrix units that matter for speed."""
    fields = cpuinfo()
    if not fields:
        return platform.processor() or platform.machine()
    flags = set(fields.get("flags", "").split())
    units = [unit for unit in ("amx_bf16", "avx512_bf16", "avx512_vnni") if unit in flags]
    return f"{fields.get('model name', 'unknown')} ({', '.join(units) or 'no matrix units'})"
