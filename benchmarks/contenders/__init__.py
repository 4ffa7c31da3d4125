"""Ways to run the same models over the same covers, each in a process of its own.

``python -m benchmarks.contenders NAME TASK.json`` runs the module of that name: its function
``run`` does the work that a :class:`~benchmarks.contenders.task.Task` names, stamps every finished
batch, and returns what it found out itself. ``benchmarks/throughput.py`` starts them.

    engine      the networks alone, one process a core: each at its fastest batch
    decode      bytes to pixels alone, one process a core
    keras_loop  a Python loop: tf.data, decoding in its parallel map, then TensorFlow
    guide       Spark as vendors' guides show it: bytes to arrays of floats to predict_batch_udf
    ours        the scoring UDF in Spark: Parquet in, Parquet out
    job         jobs/score.py in a warm session: Delta in; Delta, Parquet and metrics out
    ray_data    Ray Data, Parquet in, Parquet out
    daft_frame  Daft, Parquet in, Parquet out
"""
