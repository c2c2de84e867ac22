"""Sessions of onnxruntime, which compute a graph on the processor."""

from pathlib import Path

from photond.errors import ModelError
from photond.models.memory import release_memory
from photond.models.prepared import DATA, GRAPH
from photond.models.runtime import onnxruntime as ort

# Smaller constants stay in the graph.
_LEAST_IN_DATA = 1024  # bytes


def open_session(path: Path, threads: int, *, once: bool = False) -> ort.InferenceSession:
    """Load an ONNX graph, to be computed on the processor.

    Args:
        path: The graph's file.
        threads: How many threads one call computes with.
        once: Leave the weights as they lie in the file, where packing them for the processor would take
            longer than one or two calls gain by it.

    Raises:
        ModelError: It is missing, or onnxruntime cannot load it.
    """
    return _open(path, _options(threads, once=once))


def open_prepared(graph: Path, threads: int, *, once: bool = False) -> ort.InferenceSession:
    """Load a graph that `prepare` wrote; it computes the same numbers as the one that it was made of.

    Its weights are mapped and not read, packed or, with `once`, unpacked.

    Args:
        graph: Its file, with the weights beside it.
        threads: As for `open_session`.
        once: As for `open_session`.

    Raises:
        ModelError: It is missing, or onnxruntime cannot load it.
    """
    options = _options(threads, once=once)
    # All that could be done was done.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return _open(graph, options)


def prepare(path: Path, folder: Path) -> None:
    """Write a graph as onnxruntime makes it ready for this processor, for `open_prepared`.

    Needs about twice the memory that the graph itself does, and has given it back when it returns.

    Args:
        path: The graph's file.
        folder: Where `GRAPH` and `DATA` are written: the optimised graph, and its weights, those that
            onnxruntime packs in both forms. There is no `DATA` if the graph has but small constants.

    Raises:
        ModelError: onnxruntime cannot load it, or cannot write that.
    """
    options = _options(1, once=False)
    options.optimized_model_filepath = str(folder / GRAPH)
    for name, value in (
        ("optimized_model_external_initializers_file_name", DATA),
        ("optimized_model_external_initializers_min_size_in_bytes", str(_LEAST_IN_DATA)),
        ("save_external_prepacked_constant_initializers", "1"),
    ):
        options.add_session_config_entry(f"session.{name}", value)
    _open(path, options)
    release_memory()


def one_line(error: Exception) -> str:
    """What onnxruntime says, which can be of several lines."""
    return " ".join(str(error).split())


def _options(threads: int, *, once: bool) -> ort.SessionOptions:
    options = ort.SessionOptions()
    # Explicit counts: onnxruntime's own default counts cores that a cpuset may have taken away, and
    # dies trying to pin threads to them.
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads sleep: spinning is faster by little and heats a laptop.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if once:
        options.add_session_config_entry("session.disable_prepacking", "1")
    # Fatal only: what fails is raised, and its reader need not see it twice.
    options.log_severity_level = 4
    return options


def _open(path: Path, options: ort.SessionOptions) -> ort.InferenceSession:
    try:
        return ort.InferenceSession(
            str(path),
            sess_options=options,
            providers=["CPUExecutionProvider"],
            # It would print that it tries the same again, and do that.
            enable_fallback=False,
        )
    except Exception as error:  # onnxruntime raises nothing narrower
        raise ModelError(f"{path} cannot be loaded: {one_line(error)}") from error
